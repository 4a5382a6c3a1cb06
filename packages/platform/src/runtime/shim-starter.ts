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

type OnEnded = (reason: string, cause?: unknown) => void;

/** Starts shims. */
export interface ShimStarter {
  /**
   * Begins to start one. `onEnded` is called when it is known that it did not start, or has ended already; never after the
   * returned function was, which the caller calls once it knows more.
   */
  start(command: ShimCommand, onEnded: OnEnded): () => void;
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
  const waiting = new Set<OnEnded>();

  function running(): ChildProcess {
    if (starter !== undefined) return starter;
    const child = spawn(tools.sh, ['-s', 'mesh-shim-starter'], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const onGone = (cause: unknown): void => {
      // One that was replaced has been written nothing that is still waited for.
      if (starter !== child) return;
      starter = undefined;
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

  function send(text: string, onEnded: OnEnded, triesLeft: number): void {
    const child = running();
    child.stdin?.write(text, (error) => {
      if (!error || !waiting.has(onEnded)) return;
      // It had died before, and has read nothing of this: another one does it.
      if (starter === child) starter = undefined;
      if (triesLeft > 0) send(text, onEnded, triesLeft - 1);
      else onEnded('the process that starts programs ended', error);
    });
  }

  return {
    start(command, onEnded) {
      const text = toCommandText(command, tools);
      if (text.includes('\0')) return direct.start(command, onEnded);
      waiting.add(onEnded);
      send(text, onEnded, 1);
      return () => waiting.delete(onEnded);
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
      let isWaiting = true;
      const tell: OnEnded = (reason, cause) => isWaiting && onEnded(reason, cause);
      child.once('error', (error) => tell(error.message, error));
      child.once('exit', () => tell('its shim ended at once'));
      return () => (isWaiting = false);
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
