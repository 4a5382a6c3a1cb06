import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LoadOptions, LoadResult } from './load.ts';

/** A process of a benchmark. */
export interface Side {
  /** What it said when it was ready. */
  readonly ready: unknown;
  readonly pid: number;
  /** Has it measure. */
  measure(options: LoadOptions): Promise<LoadResult>;
  /** Sends it a message and resolves with its answer. */
  ask(message: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts `bench/FOLDER/NAME.ts` and waits until it says that it is ready. */
export async function startSide(
  name: string,
  args: readonly string[] = [],
  folder = 'wire',
): Promise<Side> {
  const child = fork(join(import.meta.dirname, '..', folder, `${name}.ts`), [...args], {
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const ready = await nextMessage(child, name);
  const ask = (message: unknown): Promise<unknown> => {
    child.send(message as object);
    return nextMessage(child, name);
  };
  return {
    ready,
    pid: child.pid ?? 0,
    ask,
    measure: async (options) => (await ask(options)) as LoadResult,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function nextMessage(child: ChildProcess, name: string): Promise<unknown> {
  const stopping = new AbortController();
  try {
    const ended = once(child, 'exit', { signal: stopping.signal }).then(([code]) => {
      throw new Error(`${name} ended with ${String(code)}`);
    });
    const [message] = (await Promise.race([
      once(child, 'message', { signal: stopping.signal }),
      ended,
    ])) as unknown[];
    return message;
  } finally {
    stopping.abort();
  }
}
