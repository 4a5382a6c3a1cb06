import { tickEvery, type Clock } from '@meshwork/shared';

/** A clock whose time passes only when the test says so. */
export interface FakeClock extends Clock {
  /**
   * Lets `ms` pass on all three clocks, wakes every sleeper at its own time and in order, and lets what it woke run (promises
   * and immediates; not real I/O) before going on.
   */
  advance(ms: number): Promise<void>;
  /** The machine sleeps for `ms`: wall and boot clocks go on, the monotonic one stands still, nobody is woken. */
  suspend(ms: number): void;
  /** Somebody sets the wall clock. */
  setNow(ms: number): void;
  /** How many sleeps are pending; 0 after a test that leaks none. */
  pending(): number;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** A fake clock at `now` (default 2026-01-01 UTC), monotonic 1,000 ms and boot 100,000 ms: different, so that mix-ups show. */
export function createFakeClock(options: { readonly nowMs?: number } = {}): FakeClock {
  let wallMs = options.nowMs ?? Date.UTC(2026, 0, 1);
  let monotonicMs = 1_000;
  let bootMs = 100_000;
  const sleepers = new Set<Sleeper>();

  function pass(ms: number): void {
    wallMs += ms;
    monotonicMs += ms;
    bootMs += ms;
  }

  function earliest(untilMs: number): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) {
      if (sleeper.dueMs <= untilMs && (first === undefined || sleeper.dueMs < first.dueMs))
        first = sleeper;
    }
    return first;
  }

  const clock: FakeClock = {
    now: () => wallMs,
    monotonic: () => monotonicMs,
    boot: () => bootMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const sleeper: Sleeper = {
          dueMs: monotonicMs + Math.max(0, ms),
          wake() {
            sleepers.delete(sleeper);
            signal.removeEventListener('abort', cancel);
            resolve();
          },
        };
        const cancel = (): void => {
          sleepers.delete(sleeper);
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', cancel, { once: true });
        sleepers.add(sleeper);
      }),
    ticks: (everyMs, signal) => tickEvery(clock, everyMs, signal),
    async advance(ms) {
      const untilMs = monotonicMs + ms;
      await settle();
      for (let next = earliest(untilMs); next; next = earliest(untilMs)) {
        pass(Math.max(0, next.dueMs - monotonicMs));
        next.wake();
        await settle();
      }
      pass(untilMs - monotonicMs);
    },
    suspend(ms) {
      wallMs += ms;
      bootMs += ms;
    },
    setNow(ms) {
      wallMs = ms;
    },
    pending: () => sleepers.size,
  };
  return clock;
}

/** One turn of the event loop: everything that waits only on promises has run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
