/** A folder of a user, with `mesh` typed in it: what `startRealMesh` does not bring up by itself. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findLeftProcesses, until, type MeshOutput } from '@meshwork/testkit';

const meshCommand = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url)),
];

/** `mesh` that runs, as a person in front of it sees it. */
export interface RunningCommand {
  readonly child: ChildProcess;
  /** Both streams, so far. */
  output(): string;
  /** Standard output alone, so far. */
  stdout(): string;
  /** Waits until it printed a text; fails when it ends before. */
  untilSays(text: string | RegExp, withinMs?: number): Promise<void>;
  /** Resolves with its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** A shell in which `mesh` is typed. */
export interface MeshShell {
  /** Types `mesh ARGS` and waits for its end. */
  mesh(...args: readonly string[]): Promise<MeshOutput>;
  /** Types `mesh ARGS` and goes on. */
  start(...args: readonly string[]): RunningCommand;
  /** Kills what was started and still runs. */
  close(): void;
}

/** How a shell differs from an ordinary one. */
export interface MeshShellOptions {
  /** Puts a command line into another network. */
  readonly inside?: (argv: readonly string[]) => readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What stands on standard input of `mesh`. */
  readonly stdin?: string;
}

/** Opens a shell in a folder. Its mesh takes free ports only. */
export function openMeshShell(path: string, options: MeshShellOptions = {}): MeshShell {
  const { PYTHONUNBUFFERED: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    MESH_HTTP_PORT: '0',
    MESH_CONTROL_PORT: '0',
    MESH_ENROLMENT_PORT: '0',
    NO_COLOR: '1',
    ...options.env,
  };
  const inside = options.inside ?? ((argv: readonly string[]) => argv);
  const running: ChildProcess[] = [];

  function mesh(...args: readonly string[]): Promise<MeshOutput> {
    const [program = '', ...argv] = inside([...meshCommand, ...args]);
    return new Promise((resolve) => {
      const child = execFile(
        program,
        argv,
        { cwd: path, env, maxBuffer: 32 * 1024 ** 2 },
        (error, stdout, stderr) => {
          const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : 1;
          resolve({ code, stdout, stderr });
        },
      );
      child.stdin?.end(options.stdin ?? '');
    });
  }

  function start(...args: readonly string[]): RunningCommand {
    const [program = '', ...argv] = inside([...meshCommand, ...args]);
    const child = spawn(program, argv, { cwd: path, env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.push(child);
    let output = '';
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return {
      child,
      ended,
      output: () => output,
      stdout: () => stdout,
      async untilSays(text, withinMs = 20_000) {
        const isThere = (): boolean =>
          typeof text === 'string' ? output.includes(text) : text.test(output);
        await until(
          `mesh ${args.join(' ')} says ${String(text)}`,
          () => {
            if (isThere()) return true;
            if (child.exitCode !== null || child.signalCode !== null)
              throw new Error(`it ended with ${child.exitCode ?? child.signalCode}:\n${output}`);
            return false;
          },
          { withinMs },
        ).catch((error: unknown) => {
          throw new Error(`${String(error)}\n${output}`, { cause: error });
        });
      },
    };
  }

  return {
    mesh,
    start,
    close() {
      for (const child of running) if (child.exitCode === null) child.kill('SIGKILL');
    },
  };
}

/** A folder of its own, with a shell in it. */
export interface MeshFolder extends Omit<MeshShell, 'close'> {
  /** The folder itself. */
  readonly path: string;
  /** Its `.mesh`. */
  readonly dir: string;
  /** `mesh down`; then fails if any process is left; removes the folder. */
  stop(): Promise<void>;
}

/** Makes an empty folder. */
export async function makeMeshFolder(options: MeshShellOptions = {}): Promise<MeshFolder> {
  const root = await mkdtemp(join(tmpdir(), 'mesh-folder-'));
  const path = join(root, 'home');
  await mkdir(path);
  const { mesh, start, close } = openMeshShell(path, options);
  return {
    path,
    dir: join(path, '.mesh'),
    mesh,
    start,
    async stop() {
      close();
      const { stderr } = await mesh('down');
      const left = findLeftProcesses(root);
      for (const { pid } of left) process.kill(pid, 'SIGKILL');
      await rm(root, { recursive: true, force: true });
      if (left.length === 0) return;
      const names = left.map(({ pid, command }) => `${pid} ${command}`);
      throw new Error(`processes of ${path} are left:\n${names.join('\n')}\n${stderr}`);
    },
  };
}
