/** What one client measured. */
export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** How hard and for how long. */
export interface LoadOptions {
  readonly inFlight: number;
  readonly durationMs: number;
}

/** Keeps `inFlight` calls under way for `durationMs` and says how many a second came back, and how fast. */
export async function runLoad(
  call: () => Promise<void>,
  { inFlight, durationMs }: LoadOptions,
): Promise<LoadResult> {
  const untilMs = performance.now() + durationMs;
  const tookMs: number[] = [];
  const startMs = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let sentMs = performance.now(); sentMs < untilMs;) {
        await call();
        const nowMs = performance.now();
        // Every call's time would cost more than the call; a sample of them says as much.
        if ((count += 1) % 16 === 0 || inFlight === 1) tookMs.push(nowMs - sentMs);
        sentMs = nowMs;
      }
    }),
  );
  const elapsedMs = performance.now() - startMs;
  tookMs.sort((a, b) => a - b);
  return {
    perSecond: (count / elapsedMs) * 1000,
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
  };
}

/** The value below which `share` of the sorted values lie. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** The middle one; of an even number, the lower of the two. */
export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5 - Number.EPSILON,
  );
}
