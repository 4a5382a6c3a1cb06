import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Processes of a benchmark; all end with it. */
export interface Children {
  /** Starts a program; its output lines go to `onLine`. */
  start(
    command: readonly string[],
    options?: {
      readonly env?: Readonly<Record<string, string>>;
      readonly onLine?: (line: string) => void;
      /** What asks it to end. Default SIGTERM. */
      readonly endSignal?: NodeJS.Signals;
    },
  ): ChildProcess;
  /** Ends all of them, the last first. */
  endAll(): Promise<void>;
}

const GRACE_MS = 5000;

/** Makes an empty set. */
export function createChildren(): Children {
  const children: { readonly child: ChildProcess; readonly endSignal: NodeJS.Signals }[] = [];
  return {
    start([program = '', ...args], { env = {}, onLine, endSignal = 'SIGTERM' } = {}) {
      const child = spawn(program, args, {
        env: { ...process.env, ...env },
        stdio: ['ignore', onLine === undefined ? 'ignore' : 'pipe', 'pipe'],
      });
      child.once('exit', (code, signal) => {
        if (children.some((one) => one.child === child))
          console.error(
            `${program} ${args.join(' ')} ended by itself: ${signal ?? `code ${code}`}`,
          );
      });
      children.push({ child, endSignal });
      for (const stream of [child.stdout, child.stderr]) {
        let rest = '';
        stream?.setEncoding('utf8').on('data', (text: string) => {
          const lines = `${rest}${text}`.split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) onLine?.(line);
        });
      }
      return child;
    },
    async endAll() {
      for (const { child, endSignal } of children.splice(0).toReversed()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const exited = once(child, 'exit');
        child.kill(endSignal);
        const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
        await exited;
        clearTimeout(timer);
      }
    },
  };
}
