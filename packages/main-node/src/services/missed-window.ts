import type { Clock } from '@meshwork/shared';

const windowMs = 60_000;

/** How much of the last minute was not watched. */
export interface MissedWindow {
  add(missedMs: number): void;
  sum(): number;
}

/** Keeps at most one entry per tick of the last minute. */
export function createMissedWindow(clock: Pick<Clock, 'monotonic'>): MissedWindow {
  let entries: readonly { readonly atMs: number; readonly missedMs: number }[] = [];
  const recent = (): typeof entries =>
    entries.filter(({ atMs }) => clock.monotonic() - atMs < windowMs);
  return {
    add(missedMs) {
      entries = [...recent(), { atMs: clock.monotonic(), missedMs }];
    },
    sum: () => recent().reduce((sum, { missedMs }) => sum + missedMs, 0),
  };
}
