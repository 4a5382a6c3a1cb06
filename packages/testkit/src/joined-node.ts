import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadOrMintKeys, openDataDir, readLock } from '@meshwork/platform';
import { stringify } from 'yaml';
import { findLeftProcesses } from './leftovers.ts';
import type { Pc } from './pc.ts';
import type { RealMesh } from './real-mesh.ts';
import { until } from './until.ts';

const entry = fileURLToPath(new URL('../../worker-node/src/main.ts', import.meta.url));

/** A worker node on another computer, with a data directory of its own. */
export interface JoinedNode {
  readonly name: string;
  readonly dir: string;
  /** Where its agents may write. */
  readonly work: string;
  readonly pid: number;
  /** What the daemon printed and logged, for messages of failures. */
  output(): Promise<string>;
  /** Ends it with all its agents, fails when a process of it is left, and removes the directory. */
  stop(): Promise<void>;
}

/** Lets a node into a mesh and starts it on `pc`; `mainAddress` is the main node's as that computer sees it. */
export async function startJoinedNode(options: {
  readonly mesh: RealMesh;
  readonly pc: Pc;
  readonly name: string;
  readonly mainAddress: string;
  readonly config?: Readonly<Record<string, unknown>>;
}): Promise<JoinedNode> {
  const { mesh, pc, name } = options;
  const root = await mkdtemp(join(tmpdir(), 'mesh-far-'));
  const dir = await openDataDir(join(root, 'node'), { kind: 'worker-node' });
  const keys = await loadOrMintKeys(dir.path);
  const main = readLock(join(mesh.dir, 'main-node'));
  const control = main?.endpoints['control'];
  if (main === undefined || control?.port === undefined) throw new Error('no main node runs');
  await writeFile(
    join(mesh.dir, 'main-node', 'accept', `${name}.json`),
    JSON.stringify({ node: name, publicKey: keys.publicKey }),
  );
  process.kill(main.process.pid, 'SIGHUP');
  const addresses = [`${options.mainAddress}:${control.port}`];
  await writeFile(
    dir.file('join.json'),
    JSON.stringify({ addresses, serverKey: control.publicKey }),
  );
  await writeFile(dir.file('config.yaml'), stringify({ node: name, ...options.config }));

  const log = join(root, 'node.log');
  const [program, ...args] = pc.command([
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    entry,
    '--dir',
    dir.path,
    '--log',
    log,
  ]);
  let printed = '';
  const child: ChildProcess = spawn(program, args, {
    cwd: root,
    env: { ...process.env, MESH_HTTP_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const output = async (): Promise<string> =>
    `${printed}${(await readFile(log, 'utf8').catch(() => '')).slice(-5_000)}`;
  const holder = await until(
    `${name} is ready`,
    async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${await output()}`);
      const found = readLock(dir.path);
      return found?.endpoints['http'] !== undefined && found;
    },
    { withinMs: 20_000 },
  );
  return {
    name,
    dir: dir.path,
    work: root,
    pid: holder.process.pid,
    output,
    async stop() {
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGCONT');
        child.kill('SIGUSR2');
        await ended;
      }
      const left = findLeftProcesses(root);
      for (const { pid } of left) process.kill(pid, 'SIGKILL');
      const said = left.length > 0 ? await output() : '';
      await rm(root, { recursive: true, force: true });
      const names = left.map(({ pid, command }) => `${pid} ${command}`);
      if (left.length > 0) throw new Error(`${name} left processes:\n${names.join('\n')}\n${said}`);
    },
  };
}
