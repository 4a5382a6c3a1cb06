/** Where the exponential part begins when the first restart is immediate. */
const STEP_MS = 1_000;
/** Restarts of many instances that crashed together spread by this much to both sides. */
const JITTER_RATIO = 0.2;

/**
 * How long to wait before the restart after `ends` ends in a row (1 or more), ms.
 *
 * The first waits `initial` exactly, so that a single crash costs no time; later ones double from `initial` (1 s when that
 * is 0), with jitter, up to `max`. `jitter` is random in [0, 1).
 */
export function pickBackOffMs(
  ends: number,
  policy: { readonly initial: number; readonly max: number },
  jitter: number,
): number {
  if (ends <= 1) return Math.min(policy.initial, policy.max);
  const base = policy.initial === 0 ? STEP_MS * 2 ** (ends - 2) : policy.initial * 2 ** (ends - 1);
  return Math.min(policy.max, Math.round(base * (1 + JITTER_RATIO * (2 * jitter - 1))));
}
