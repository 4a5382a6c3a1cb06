/** Lets through so many a second, and as many at once after a quiet second. */
export interface TokenBucket {
  /** False when this one is over the rate. */
  take(nowMs: number): boolean;
}

/** A full bucket. `nowMs` is monotonic. */
export function createTokenBucket(options: {
  readonly perSecond: number;
  readonly nowMs: number;
}): TokenBucket {
  const { perSecond } = options;
  let tokens = perSecond;
  let atMs = options.nowMs;

  return {
    take(nowMs) {
      tokens = Math.min(perSecond, tokens + ((nowMs - atMs) * perSecond) / 1000);
      atMs = nowMs;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
