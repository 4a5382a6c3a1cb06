/*
 * A daemon of 100 MB pays for each program it starts: the system copies its page tables (seen: 50 starts in 340 ms from a
 * small process, in 1,540 ms with 150 MB more on a busy machine). So a shell of 1 MB starts the shims: the starter.
 *
 * It holds nothing: a starter that dies is replaced at the next launch, and ends by itself with its daemon. What it starts
 * opens its run file through the daemon's descriptor, so a command that outlived its daemon in the pipe starts nothing.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { ShellTools } from './shell-tools.ts';

/** A process to start as the leader of a session of its own. */
export interface ShimCommand {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its output: a descriptor of this process, which stays open until the shim has written, or `onEnded` was called. */
  readonly fd: number;
}

/** Starts shims. */
export interface ShimStarter {
  /** Resolves into `onEnded` when it is known that nothing was started, or that it ended at once; else nobody is told. */
  start(command: ShimCommand, onEnded: (reason: string, cause?: unknown) => void): void;
  /** Lets the system forget shims that have ended. */
  reap(): void;
  /** Ends the starter; what it started lives on. */
  stop(): Promise<void>;
}

/** Starts shims through a small shell where that can be done without a trace, else directly. */
export function createShimStarter(tools: ShellTools): ShimStarter {
  const direct = createDirectStarter();
  // A shell's background children ignore SIGINT and SIGQUIT, which only newer `env` undoes. bash reads a pipe byte by byte.
  if (tools.env === '' || !tools.isShellOutspoken) return direct;
  let starter: ChildProcess | undefined;
  const waiting = new Set<(reason: string, cause?: unknown) => void>();

  function running(): ChildProcess {
    if (starter !== undefined) return starter;
    const child = spawn(tools.sh, ['-s', 'mesh-shim-starter'], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const onGone = (cause: unknown): void => {
      if (starter === child) starter = undefined;
      for (const onEnded of waiting) onEnded('the process that starts programs ended', cause);
      waiting.clear();
    };
    child.once('error', onGone);
    child.once('exit', onGone);
    // A write to a starter that has just died; its end is told by `exit`.
    child.stdin?.on('error', () => {});
    child.unref();
    starter = child;
    return child;
  }

  return {
    start(command, onEnded) {
      const text = toCommandText(command, tools);
      if (text.includes('\0')) return direct.start(command, onEnded);
      waiting.add(onEnded);
      running().stdin?.write(text, () => waiting.delete(onEnded));
    },
    reap() {
      starter?.stdin?.write(REAP);
    },
    async stop() {
      const child = starter;
      if (child === undefined) return;
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      // Waited for, so it keeps the process alive again.
      child.ref();
      child.stdin?.end();
      await ended;
    },
  };
}

function createDirectStarter(): ShimStarter {
  return {
    start({ argv: [file = '', ...args], cwd, env, fd }, onEnded) {
      const options = { cwd, env, detached: true, stdio: ['ignore', fd, fd] } as const;
      const child = spawn(file, args, { ...options, stdio: [...options.stdio] });
      child.unref();
      child.once('error', (error) => onEnded(error.message, error));
      child.once('exit', () => onEnded('its shim ended at once'));
    },
    reap() {},
    async stop() {},
  };
}

/** dash waits for children that have ended when it is asked for its jobs. */
const REAP = 'jobs >/dev/null\n';

/** One line of work for the starter; nothing of the command is ever in anybody's arguments but what is to be there. */
function toCommandText({ argv, cwd, env, fd }: ShimCommand, tools: ShellTools): string {
  const variables = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  const words = [tools.env, '--default-signal=INT,QUIT', tools.setsid, ...argv].map(quote);
  return `(
exec </dev/null >>/proc/${process.pid}/fd/${fd} 2>&1 || exit
cd ${quote(cwd)} || exit
${variables.join('')}exec ${words.join(' ')}
) &
${REAP}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
