/**
 * How long the main node has really been watching.
 *
 * Between two looks at most `maxStepMs` count, so time in which this process was stopped, starved or suspended is not
 * held against the nodes it could not hear.
 */
export interface ObservedTime {
  readonly observedMs: number;
  /** `monotonic()` of the last look. */
  readonly lookedAtMs: number;
}

/** Starts to watch. */
export function startObserving(monotonicMs: number): ObservedTime {
  return { observedMs: 0, lookedAtMs: monotonicMs };
}

/** Counts the time since the last look, as far as it was observed. Called at each tick. */
export function stepObserved(
  time: ObservedTime,
  monotonicMs: number,
  maxStepMs: number,
): { readonly time: ObservedTime; readonly missedMs: number } {
  const passedMs = Math.max(0, monotonicMs - time.lookedAtMs);
  const countedMs = Math.min(passedMs, maxStepMs);
  return {
    time: { observedMs: time.observedMs + countedMs, lookedAtMs: time.lookedAtMs + passedMs },
    missedMs: passedMs - countedMs,
  };
}

/** The observed time of something that is heard between two ticks. */
export function readObserved(time: ObservedTime, monotonicMs: number, maxStepMs: number): number {
  return time.observedMs + Math.min(Math.max(0, monotonicMs - time.lookedAtMs), maxStepMs);
}
