import type { Clock } from '@meshwork/shared';

/** Wakes one loop before its time. A ring while nobody waits ends the next wait at once; many rings are one. */
export interface Bell {
  ring(): void;
  /** Resolves at a ring, after `ms`, or when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** A bell for one waiter. */
export function createBell(clock: Pick<Clock, 'sleep'>): Bell {
  let hasRung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      hasRung = true;
      wake?.();
    },
    async wait(ms, signal) {
      if (!hasRung && !signal.aborted) {
        const over = new AbortController();
        const stop = (): void => over.abort();
        wake = stop;
        signal.addEventListener('abort', stop, { once: true });
        await clock.sleep(ms, over.signal).catch(() => {});
        signal.removeEventListener('abort', stop);
        wake = undefined;
      }
      hasRung = false;
    },
  };
}
