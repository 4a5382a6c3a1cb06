import { hostname, tmpdir, userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import {
  acquireLock,
  createLogger,
  createMetrics,
  createSystemClock,
  createStateFile,
  createSystemRandom,
  loadConfig,
  loadOrMintKeys,
  giveUpReserve,
  openDataDir,
  readBootId,
} from '@meshwork/platform';
import {
  MeshError,
  NodeName,
  RemovedNode,
  WorkerNodeConfig,
  release,
  toMeshError,
} from '@meshwork/shared';
import { openWorkerNode } from './app.ts';
import { trimHeap } from './machine/trim-heap.ts';

/** How long an orderly end may take before it is cut short. */
const STOP_WITHIN_MS = 10_000;
/** Variables of the daemon's that agents get, too. */
const INHERITED = ['PATH', 'LANG', 'LC_ALL', 'TZ'];

/** Runs the daemon of this process until it is told to end. Exits with the code of its error when it cannot start. */
export async function runDaemon(): Promise<void> {
  try {
    await main();
  } catch (thrown) {
    const error = toMeshError(thrown);
    const detail = error.code === 'MESH_INTERNAL' ? (error.stack ?? error.message) : error.message;
    process.stderr.write(`worker node: ${error.code}: ${detail}\n`);
    process.exit(error.row.exit);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { dir: { type: 'string' }, log: { type: 'string' } },
    strict: true,
  });
  if (values.dir === undefined) {
    throw new MeshError('MESH_USAGE', 'say where its data lies: --dir DIR');
  }
  const clock = createSystemClock();
  const random = createSystemRandom();
  const dir = await openDataDir(values.dir, { kind: 'worker-node' });
  // On a full disk the lock itself could not be written.
  await giveUpReserve(dir.path);
  const { signal } = new AbortController();
  const lock = await acquireLock(dir.path, { daemon: 'worker-node', clock, signal });
  const overlay = process.env['MESH_ENV'];
  const config = await loadConfig(WorkerNodeConfig, {
    file: { path: dir.file('config.yaml') },
    ...(overlay === undefined ? {} : { overlay }),
    env: process.env,
  });
  const { level } = config.value.log;
  const destination = values.log === undefined ? {} : { destination: values.log };
  const logger = createLogger({ name: 'worker-node', level, ...destination });
  const node = config.value.node ?? toNodeName(hostname());
  const { username, homedir, uid } = userInfo();

  const removed = Promise.withResolvers<'removed' | 'revoked'>();
  const worker = await openWorkerNode({
    dir: dir.path,
    node,
    config,
    keys: await loadOrMintKeys(dir.path),
    release,
    clock,
    random,
    logger,
    metrics: createMetrics(),
    bootId: readBootId(),
    self: { name: username, home: homedir, uid },
    inherited: pickVariables(INHERITED),
    runtimeDir: process.env['XDG_RUNTIME_DIR'],
    temporaryDir: tmpdir(),
    onRemoved: removed.resolve,
  });
  const asked = listenForSignals();
  await worker.start(signal);
  const { host, port } = worker.http();
  await lock.publish({ http: { host, port } });
  logger.info({ node, host, port }, 'worker node is ready');
  trimHeap();
  if (!process.stdout.isTTY) {
    process.stdout.write(
      `${JSON.stringify({ ready: true, node, pid: process.pid, http: { host, port } })}\n`,
    );
  }

  const why = await Promise.race([asked, removed.promise]);
  logger.info({ why }, 'worker node ends');
  if (why !== 'stop') await worker.drain();
  if (why === 'removed' || why === 'revoked') {
    // Who starts daemons sees it and leaves this one alone until it joins anew.
    const path = dir.file('removed.json');
    const file = createStateFile({ path, format: 'mesh-removed', version: 1, schema: RemovedNode });
    await file.write({ why, atMs: clock.now() });
  }
  await worker.stop(AbortSignal.timeout(STOP_WITHIN_MS));
  await lock.release();
  logger.close();
  process.exit(0);
}

/** Resolves with what the first signal asks for: end the daemon alone, or what it runs first. A second SIGTERM ends at once. */
function listenForSignals(): Promise<'stop' | 'drain'> {
  return new Promise((resolve) => {
    let isAsked = false;
    const ask = (how: 'stop' | 'drain'): void => {
      // Not exit(): that would tear down sockets under the thread that still uses them. For agents it is the same.
      if (isAsked && how === 'stop') process.kill(process.pid, 'SIGKILL');
      isAsked = true;
      resolve(how);
    };
    process.on('SIGTERM', () => ask('stop'));
    process.on('SIGINT', () => ask('stop'));
    process.on('SIGUSR2', () => ask('drain'));
    process.on('SIGHUP', () => {});
  });
}

function pickVariables(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** A host's name as a node's: what does not fit becomes a dash. */
function toNodeName(host: string): NodeName {
  const text =
    host
      .toLowerCase()
      .split('.')[0]
      ?.replaceAll(/[^a-z0-9-]/g, '-') ?? '';
  return NodeName.parse(/^[a-z]/.test(text) ? text.slice(0, 63) : `node-${text}`.slice(0, 63));
}
