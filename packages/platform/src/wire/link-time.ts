import type { Clock } from '@meshwork/shared';

/** Wall and monotonic clock never part by this much between two looks unless the machine slept or was set. */
const SLEPT_MS = 20;

/**
 * The boot clock, cheap enough to read for each frame.
 *
 * Reading the machine's uptime costs a file read, so it is read once and then derived from the monotonic clock,
 * until wall and monotonic clock disagree: then the machine slept, and it is read anew.
 */
export function createLinkTime(clock: Pick<Clock, 'now' | 'monotonic' | 'boot'>): () => number {
  let offsetMs: number | undefined;
  let differenceMs = 0;

  return () => {
    const monotonicMs = clock.monotonic();
    const nowDifferenceMs = clock.now() - monotonicMs;
    if (offsetMs === undefined || Math.abs(nowDifferenceMs - differenceMs) > SLEPT_MS) {
      offsetMs = clock.boot() - monotonicMs;
    }
    differenceMs = nowDifferenceMs;
    return monotonicMs + offsetMs;
  };
}
