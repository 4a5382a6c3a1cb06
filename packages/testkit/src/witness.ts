import { isSameProcess, readProcessIdentity, type ProcessIdentity } from '@meshwork/platform';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** Looks at something all the time while a fault lasts. */
export interface Witness {
  /** Ends the looking and answers every wrong thing that was seen, each once. */
  end(): Promise<readonly string[]>;
}

/** Watches processes: each must stay the very same process. */
export function watchProcesses(pids: Iterable<number>): Witness {
  const known = new Map<number, ProcessIdentity | undefined>();
  for (const pid of pids) known.set(pid, readProcessIdentity(pid));
  return watch(20, () =>
    [...known]
      .filter(([, identity]) => identity === undefined || !isSameProcess(identity))
      .map(([pid]) => `process ${pid} is gone`),
  );
}

/** Looks every `everyMs`; `look` answers what is wrong now. Looks a last time when it is told to end. Ends with its test at last. */
export function watch(
  everyMs: number,
  look: () => readonly string[] | Promise<readonly string[]>,
): Witness {
  const wrong = new Set<string>();
  const ending = new AbortController();

  async function lookOn(): Promise<void> {
    while (!ending.signal.aborted) {
      for (const line of await look()) wrong.add(line);
      await delay(everyMs, undefined, { signal: ending.signal }).catch(() => {});
    }
    for (const line of await look()) wrong.add(line);
  }

  const looking = lookOn();
  // What `look` throws comes out of `end`.
  looking.catch(() => {});
  onTestFinished(() => ending.abort());
  return {
    async end() {
      ending.abort();
      await looking;
      return [...wrong];
    },
  };
}
