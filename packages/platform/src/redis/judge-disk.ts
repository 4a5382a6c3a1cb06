/** How much disk the store wants to see free. */
export interface DiskPolicy {
  /** Below this, changes are refused. */
  readonly minFreeBytes: number;
  /** Size of the file that is given up when the disk is nearly full. */
  readonly ballastBytes: number;
}

/** `ok`; `low`: changes are refused; `full`: the store's server is not started into it. */
export type DiskState = 'ok' | 'low' | 'full';

/** The server needs about this much to start and to write what it has to. */
const START_BYTES = 4 * 1024 * 1024;

/**
 * Decides what the free space means, and what becomes of the ballast file.
 *
 * Pure. The ballast is given up when less is free than its own size, and made again only where it does not bring the disk low.
 */
export function judgeDisk(
  found: { readonly freeBytes: number; readonly hasBallast: boolean },
  policy: DiskPolicy,
): { readonly state: DiskState; readonly ballast: 'keep' | 'free' | 'make' } {
  const { freeBytes, hasBallast } = found;
  const { minFreeBytes, ballastBytes } = policy;
  const isEnd = freeBytes < Math.max(ballastBytes, START_BYTES);
  if (hasBallast && isEnd) return { state: 'low', ballast: 'free' };
  if (!hasBallast && freeBytes >= minFreeBytes + ballastBytes && ballastBytes > 0)
    return { state: 'ok', ballast: 'make' };
  if (freeBytes < START_BYTES) return { state: 'full', ballast: 'keep' };
  return { state: freeBytes < minFreeBytes ? 'low' : 'ok', ballast: 'keep' };
}
