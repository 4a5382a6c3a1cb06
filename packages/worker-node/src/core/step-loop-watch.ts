/** What is known of the daemon's event loop, seen from beside it. Times in ms of one clock that all threads share. */
export interface LoopWatch {
  /** Last turn that the loop reported. */
  readonly turnedAtMs: number;
  /** When this was last looked at. */
  readonly lookedAtMs: number;
  /** For how long the loop has been silent while somebody watched. */
  readonly silentMs: number;
}

/** Bounds of the watch. */
export interface LoopWatchPolicy {
  /** Silence counts at most this much per look: when the whole process stood still, the watcher did too. */
  readonly maxStepMs: number;
  /** A loop that is silent for longer is stuck for good. */
  readonly endAfterMs: number;
}

/** A watch that begins now. */
export function beginLoopWatch(nowMs: number): LoopWatch {
  return { turnedAtMs: nowMs, lookedAtMs: nowMs, silentMs: 0 };
}

/**
 * Looks at the loop once more.
 *
 * Pure. A stopped and continued process (SIGSTOP, a suspended machine) is not taken for a stuck loop: time counts only while
 * the watcher itself runs.
 */
export function stepLoopWatch(
  watch: LoopWatch,
  seen: { readonly turnedAtMs: number; readonly nowMs: number },
  policy: LoopWatchPolicy,
): { readonly watch: LoopWatch; readonly isStuck: boolean } {
  const { turnedAtMs, nowMs } = seen;
  const sinceLookMs = Math.min(nowMs - watch.lookedAtMs, policy.maxStepMs);
  const silentMs =
    turnedAtMs > watch.turnedAtMs
      ? Math.min(Math.max(0, nowMs - turnedAtMs), sinceLookMs)
      : watch.silentMs + sinceLookMs;
  return {
    watch: { turnedAtMs, lookedAtMs: nowMs, silentMs },
    isStuck: silentMs > policy.endAfterMs,
  };
}
