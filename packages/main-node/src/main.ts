import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import {
  acquireLock,
  createLogger,
  createMetrics,
  createSystemClock,
  createSystemRandom,
  loadConfig,
  loadOrMintKeys,
  loadOrMintToken,
  openDataDir,
} from '@meshwork/platform';
import { MainNodeConfig, MeshError, release, toMeshError } from '@meshwork/shared';
import { createMainNode } from './app.ts';

/** How long an orderly end may take before it is cut short. */
const STOP_WITHIN_MS = 10_000;
/** Getting a Redis where there is none may mean a download. */
const START_WITHIN_MS = 180_000;

/** Why this process ends: itself alone, or with what it owns; or because it may not go on. */
type Ending = 'stop' | 'drain' | MeshError;

try {
  await main();
} catch (thrown) {
  fail(toMeshError(thrown));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string' },
      log: { type: 'string' },
      set: { type: 'string', multiple: true },
    },
    strict: true,
  });
  if (values.dir === undefined)
    throw new MeshError('MESH_USAGE', 'say where its data lies: --dir DIR');
  const ending = Promise.withResolvers<Ending>();
  const starting = new AbortController();
  listenForSignals((how) => {
    starting.abort(new MeshError('MESH_STOPPING', 'the main node was told to stop'));
    ending.resolve(how);
  });

  const clock = createSystemClock();
  const random = createSystemRandom();
  const { signal } = starting;
  const dir = await openDataDir(values.dir, { kind: 'main-node' });
  const lock = await acquireLock(dir.path, { daemon: 'main-node', clock, signal });
  const overlay = process.env['MESH_ENV'];
  const config = await loadConfig(MainNodeConfig, {
    file: { path: dir.file('config.yaml') },
    ...(overlay === undefined ? {} : { overlay }),
    env: process.env,
    flags: Object.fromEntries((values.set ?? []).map(toFlag)),
  });
  const logger = createLogger({
    name: 'main-node',
    level: config.value.log.level,
    ...(values.log === undefined ? {} : { destination: values.log }),
  });
  const mainNode = createMainNode({
    dir: dir.path,
    config,
    keys: await loadOrMintKeys(dir.path),
    token: await loadOrMintToken(dir.file('api-token'), random),
    release,
    clock,
    random,
    logger,
    metrics: createMetrics(),
    env: process.env,
    runtimeDir: process.env['XDG_RUNTIME_DIR'] ?? tmpdir(),
    onFatal: ending.resolve,
    onShutdown: ({ drain }) => ending.resolve(drain ? 'drain' : 'stop'),
  });
  await mainNode.start(AbortSignal.any([signal, AbortSignal.timeout(START_WITHIN_MS)]));
  process.on('SIGHUP', () => {
    mainNode.acceptLocal().catch((error: unknown) => {
      logger.error({ err: error }, 'own nodes could not be accepted');
    });
  });
  const endpoints = mainNode.endpoints();
  await lock.publish(endpoints);
  logger.info({ ...endpoints, release }, 'main node is ready');
  if (!process.stdout.isTTY) {
    process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, ...endpoints })}\n`);
  }

  const how = await ending.promise;
  const isFatal = how instanceof MeshError;
  if (isFatal) logger.error({ code: how.code, err: how }, 'main node must end');
  else logger.info({ how }, 'main node ends');
  const deadline = AbortSignal.timeout(isFatal ? 1_000 : STOP_WITHIN_MS);
  if (how === 'drain') await mainNode.end(deadline);
  else await mainNode.stop(deadline);
  await lock.release();
  if (isFatal) fail(how);
  logger.close();
  process.exit(0);
}

/** Tells what the first signal asks for: end the daemon alone, or its Redis, too. A second SIGTERM ends at once. */
function listenForSignals(tell: (how: 'stop' | 'drain') => void): void {
  let isAsked = false;
  const ask = (how: 'stop' | 'drain'): void => {
    if (isAsked && how === 'stop') process.exit(1);
    isAsked = true;
    tell(how);
  };
  process.on('SIGTERM', () => ask('stop'));
  process.on('SIGINT', () => ask('stop'));
  process.on('SIGUSR2', () => ask('drain'));
  // A terminal that closes is no reason to end; once it runs, a hangup means: look for keys of own nodes.
  process.on('SIGHUP', () => {});
}

function toFlag(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new MeshError('MESH_USAGE', `--set takes KEY=VALUE such as http.port=0, not "${text}"`);
}

function fail(error: MeshError): never {
  const detail = error.code === 'MESH_INTERNAL' ? (error.stack ?? error.message) : error.message;
  process.stderr.write(`main node: ${error.code}: ${detail}\n`);
  process.exit(error.row.exit);
}
