import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createStateFile, readLock } from '@meshwork/platform';
import { Status, type AgentRow } from '@meshwork/shared';
import { stringify } from 'yaml';
import { z } from 'zod';
import { findLeftProcesses } from './leftovers.ts';
import type { Pc } from './pc.ts';
import { until } from './until.ts';

const meshCommand = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url)),
];

/** What one `mesh` call printed, and its exit code. */
export interface MeshOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A whole mesh of real daemons in a directory of its own, started by the real `mesh up`. */
export interface RealMesh {
  /** The mesh directory; every process of it names this path. */
  readonly dir: string;
  /** Where fleet files and agents of the test go. */
  readonly work: string;
  /** Runs `mesh ARGS` for this mesh. */
  mesh(...args: readonly string[]): Promise<MeshOutput>;
  status(): Promise<Status>;
  /** Applies a fleet; throws with what was printed when that fails. */
  apply(fleet: unknown): Promise<void>;
  /** Waits until every agent that is named (default: all) is ready, and gives their rows by instance. */
  untilReady(options?: {
    readonly agents?: number;
    readonly withinMs?: number;
  }): Promise<Map<string, AgentRow>>;
  /** Pid of a daemon: `main-node`, `redis`, `up` or a node's name. Throws when it does not run. */
  pidOf(daemon: string): Promise<number>;
  /** Waits until a daemon runs (again) and answers its pid; `notPid` is the one that was killed. */
  untilBack(daemon: string, notPid?: number): Promise<number>;
  /** Starts `mesh up` again, after it was ended. */
  up(): Promise<void>;
  /** Ends `mesh up` alone, as a crash would. */
  killUp(): void;
  /** Output of `mesh up` so far, for messages of failures. */
  upOutput(): string;
  /** `mesh down`, then fails if any process of this mesh is left; removes the directory. */
  stop(): Promise<void>;
}

/** What the mesh is made of. */
export interface RealMeshOptions {
  /** Worker nodes; default one, `main-pc`. */
  readonly nodes?: readonly {
    readonly name: string;
    readonly vars?: Readonly<Record<string, string>>;
  }[];
  /** More of `config.yaml` of the main node. */
  readonly mainNode?: Readonly<Record<string, unknown>>;
  /** The computer whose network it uses; default this one's. */
  readonly pc?: Pc;
  /** Called with the mesh directory before anything is in it, e.g. to put a small disk there; what it answers undoes that. */
  readonly prepare?: (dir: string) => Promise<() => Promise<void>>;
}

const Settings = z.object({
  name: z.string(),
  hasMainNode: z.boolean(),
  nodes: z.array(z.unknown()),
});

/** How long a mesh may take from `mesh up` to all its nodes alive, ms. */
const startWithinMs = 40_000;

/** Starts a mesh on free ports and waits until its nodes are alive. */
export async function startRealMesh(options: RealMeshOptions = {}): Promise<RealMesh> {
  const root = await mkdtemp(join(tmpdir(), 'mesh-real-'));
  const dir = join(root, '.mesh');
  const work = join(root, 'work');
  await mkdir(dir, { mode: 0o700 });
  await mkdir(work);
  const unprepare = await options.prepare?.(dir);
  if (options.mainNode !== undefined) {
    await mkdir(join(dir, 'main-node'), { recursive: true, mode: 0o700 });
    await writeFile(join(dir, 'main-node', 'config.yaml'), stringify(options.mainNode));
  }
  const inside = options.pc?.command ?? ((argv: readonly string[]) => argv);
  const nodes = (options.nodes ?? [{ name: 'main-pc' }]).map((node) => ({
    name: node.name,
    vars: { ...node.vars },
  }));
  const settings = createStateFile({
    path: join(dir, 'mesh.json'),
    format: 'mesh',
    version: 1,
    schema: Settings,
  });
  await settings.write({ name: 'test', hasMainNode: true, nodes });
  const env = {
    ...process.env,
    MESH_HTTP_PORT: '0',
    MESH_CONTROL_PORT: '0',
    MESH_ENROLMENT_PORT: '0',
    NO_COLOR: '1',
  };

  let output = '';
  let child: ChildProcess | undefined;

  function mesh(...args: readonly string[]): Promise<MeshOutput> {
    return new Promise((resolve) => {
      const [program = '', ...argv] = inside([...meshCommand, ...args, '--dir', dir]);
      execFile(
        program,
        argv,
        { cwd: work, env, maxBuffer: 32 * 1024 ** 2 },
        (error, stdout, stderr) => {
          const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : 1;
          resolve({ code, stdout, stderr });
        },
      );
    });
  }

  async function status(): Promise<Status> {
    const text =
      options.pc === undefined ? await askStatus() : (await mesh('status', '-o', 'json')).stdout;
    try {
      return Status.parse(JSON.parse(text));
    } catch (cause) {
      throw new Error(`no status: ${text}\n${output}`, { cause });
    }
  }

  /** Asked directly where that can be: a process for every look would be most of what a test measures. */
  async function askStatus(): Promise<string> {
    const { host, port } = readLock(join(dir, 'main-node'))?.endpoints['http'] ?? {};
    if (port === undefined) return 'no main node runs';
    const token = await readFile(join(dir, 'main-node', 'api-token'), 'utf8');
    const response = await fetch(`http://${host}:${port}/v1/status`, {
      headers: { authorization: `Bearer ${token.trim()}` },
      signal: AbortSignal.timeout(5_000),
    });
    return response.text();
  }

  async function up(): Promise<void> {
    const [program = '', ...argv] = inside([...meshCommand, 'up', '--dir', dir]);
    child = spawn(program, argv, { cwd: work, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8');
      stream?.on('data', (text: string) => (output += text));
    }
    const ended = child;
    await until(
      `mesh up has ${nodes.length} nodes alive`,
      async () => {
        if (ended.exitCode !== null)
          throw new Error(`mesh up ended with ${ended.exitCode}:\n${output}`);
        // Of another computer's processes the lock tells nothing here; there the command itself must find out.
        const holder = readLock(join(dir, 'main-node'));
        if (options.pc === undefined && holder?.endpoints['http'] === undefined) return false;
        const seen = await status().catch(() => undefined);
        return seen?.nodes.filter((node) => node.state === 'alive').length === nodes.length;
      },
      { withinMs: startWithinMs },
    ).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${output}\n${await daemonLogs(dir)}`);
    });
  }

  async function findPid(daemon: string): Promise<number | undefined> {
    if (daemon === 'up')
      return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
    if (daemon === 'redis') {
      return findLeftProcesses(dir).find(({ command }) =>
        /^\S*(redis|valkey)-server /.test(command),
      )?.pid;
    }
    const at = daemon === 'main-node' ? join(dir, 'main-node') : join(dir, 'nodes', daemon);
    return readLock(at)?.process.pid;
  }

  await up();
  return {
    dir,
    work,
    mesh,
    status,
    up,
    async apply(fleet) {
      const file = join(work, 'fleet.yaml');
      await writeFile(file, stringify(fleet));
      const { code, stdout, stderr } = await mesh('apply', file);
      if (code !== 0) throw new Error(`mesh apply failed: ${stdout}${stderr}`);
    },
    async untilReady({ agents, withinMs = 20_000 } = {}) {
      let last: Status | undefined;
      return until(
        'every agent is ready',
        async () => {
          last = await status().catch(() => undefined);
          if (last === undefined || last.agents.length < (agents ?? 1)) return false;
          const isReady = last.agents.every((agent) => agent.state === 'ready' && !agent.isStale);
          return isReady && new Map(last.agents.map((agent) => [agent.instance as string, agent]));
        },
        { withinMs },
      ).catch((error: unknown) => {
        const seen = last?.agents.map(
          (agent) => `${agent.instance} ${agent.state} ${agent.reason ?? ''}`,
        );
        throw new Error(`${String(error)}\n${seen?.join('\n') ?? 'no status'}`);
      });
    },
    async pidOf(daemon) {
      const pid = await findPid(daemon);
      if (pid === undefined) throw new Error(`${daemon} does not run`);
      return pid;
    },
    untilBack: (daemon, notPid) =>
      until(
        `${daemon} is back`,
        async () => {
          const pid = await findPid(daemon);
          return pid !== notPid && pid;
        },
        { withinMs: 20_000 },
      ),
    killUp() {
      child?.kill('SIGKILL');
    },
    upOutput: () => output,
    async stop() {
      const { stderr } = await mesh('down');
      child?.kill('SIGKILL');
      const left = findLeftProcesses(dir);
      for (const { pid } of left) process.kill(pid, 'SIGKILL');
      const log = left.length > 0 ? await daemonLogs(dir) : '';
      await unprepare?.();
      await rm(root, { recursive: true, force: true });
      if (left.length === 0) return;
      const names = left.map(({ pid, command }) => `${pid} ${command}`);
      throw new Error(`mesh down left processes:\n${names.join('\n')}\n${stderr}\n${log}`);
    },
  };
}

/** The last lines of the daemons' logs, for messages of failures. */
async function daemonLogs(dir: string): Promise<string> {
  const names = ['main-node.log', 'main-node.log.out'];
  const texts = names.map(async (name) => {
    const text = await readFile(join(dir, 'logs', name), 'utf8').catch(() => '');
    return `${name}:\n${text.split('\n').slice(-15).join('\n')}`;
  });
  return (await Promise.all(texts)).join('\n');
}
