import type { Clock } from '@meshwork/shared';

/** Wakes one loop before its time. A ring while nobody waits ends the next wait; all rings of one turn are one. */
export interface Bell {
  ring(): void;
  /** Resolves at a ring, when the signal aborts, or after `ms`; sometimes earlier, when an earlier wait was shorter. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Ends the timer. */
  close(): void;
}

/**
 * A bell for one waiter.
 *
 * A ring leaves the timer of a wait as it is, for the next one: canceling a timer for each of a thousand rings a second costs
 * more than what the loop does.
 */
export function createBell(clock: Pick<Clock, 'sleep' | 'monotonic'>): Bell {
  let hasRung = false;
  let wake: (() => void) | undefined;
  let timer: { readonly dueMs: number; readonly canceling: AbortController } | undefined;

  function ring(): void {
    if (hasRung) return;
    hasRung = true;
    // In the next turn: a loop that rings for itself must not keep everything else from running.
    setImmediate(() => wake?.());
  }

  function setTimer(dueMs: number): void {
    if (timer !== undefined && timer.dueMs <= dueMs) return;
    timer?.canceling.abort();
    const set = { dueMs, canceling: new AbortController() };
    timer = set;
    clock.sleep(dueMs - clock.monotonic(), set.canceling.signal).then(
      () => {
        if (timer === set) timer = undefined;
        ring();
      },
      () => {},
    );
  }

  return {
    ring,
    async wait(ms, signal) {
      if (signal.aborted) return;
      setTimer(clock.monotonic() + ms);
      await new Promise<void>((resolve) => {
        wake = resolve;
        signal.addEventListener('abort', ring, { once: true });
        if (hasRung) setImmediate(resolve);
      });
      signal.removeEventListener('abort', ring);
      wake = undefined;
      hasRung = false;
    },
    close() {
      timer?.canceling.abort();
      timer = undefined;
    },
  };
}
