import type { Clock } from './ports/clock.ts';

/**
 * Yields `monotonic()` about every `everyMs`, without drift, as {@link Clock.ticks} promises.
 *
 * What every clock implements `ticks` with: needs only `monotonic` and `sleep`. A late consumer loses ticks; none is made up for.
 */
export async function* tickEvery(
  clock: Pick<Clock, 'monotonic' | 'sleep'>,
  everyMs: number,
  signal: AbortSignal,
): AsyncIterable<number> {
  let dueMs = clock.monotonic() + everyMs;
  while (!signal.aborted) {
    try {
      await clock.sleep(Math.max(0, dueMs - clock.monotonic()), signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    const nowMs = clock.monotonic();
    yield nowMs;
    const lateMs = clock.monotonic() - dueMs;
    dueMs += everyMs * (Math.floor(Math.max(0, lateMs) / everyMs) + 1);
  }
}
