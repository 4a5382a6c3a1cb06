/** How soon a program that ended is started again. */
export interface BackoffPolicy {
  /** Wait after the first end. */
  readonly initialMs: number;
  /** Longest wait. */
  readonly maxMs: number;
  /** A run that lasted this long was healthy: the next end counts as the first. */
  readonly healthyMs: number;
}

/** Ends in a row, none of which followed a healthy run. */
export interface BackoffState {
  readonly failures: number;
}

/**
 * Decides how long to wait after a run ended.
 *
 * Pure. `ranMs` is how long the run lasted, `jitter` in [0, 1) takes up to a quarter off, so that two that failed together do not
 * come back together.
 */
export function stepRestart(
  state: BackoffState,
  ended: { readonly ranMs: number; readonly jitter: number },
  policy: BackoffPolicy,
): { readonly state: BackoffState; readonly delayMs: number } {
  const failures = ended.ranMs >= policy.healthyMs ? 1 : state.failures + 1;
  const fullMs = Math.min(policy.initialMs * 2 ** Math.min(failures - 1, 30), policy.maxMs);
  return { state: { failures }, delayMs: Math.round(fullMs * (1 - ended.jitter / 4)) };
}
