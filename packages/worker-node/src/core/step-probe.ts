/*
 * Decides when one instance is probed. It decides nothing about the instance: what a result means for its state is
 * supervision's to say.
 */

/** How often an instance is asked. Times in ms. */
export interface ProbePolicy {
  /** Pace while it is up. */
  readonly intervalMs: number;
  /** Failures in a row after which it counts as down. */
  readonly failures: number;
  /** Shortest and longest gap between two probes while it is down; the longest is `intervalMs` where that is less. */
  readonly quickMinMs: number;
  readonly quickMaxMs: number;
  /** Gap while it is down, as a share of the time it has been down: what noticing its start may cost of that start. */
  readonly quickRatio: number;
  /** Share of each gap that is left to chance, so that many instances are not asked in step. */
  readonly jitterRatio: number;
}

/** Whether the instance is up, as far as its probes tell. Times are monotonic ms. */
export type ProbeSight =
  | { readonly isUp: true; readonly failuresInRow: number }
  | { readonly isUp: false; readonly downSinceMs: number };

/** What is known of one watch. */
export type ProbeState =
  | { readonly status: 'waiting'; readonly sight: ProbeSight; readonly dueMs: number }
  /** A probe is under way. `isHurried`: meanwhile came a reason to ask again at once. */
  | { readonly status: 'asking'; readonly sight: ProbeSight; readonly isHurried: boolean };

/** What happened to a watch. `chance` is a random number in [0, 1). */
export type ProbeEvent =
  | { readonly type: 'tick' }
  | { readonly type: 'result'; readonly ok: boolean; readonly chance: number }
  /** There is a reason to ask now: the agent has just said that it is ready. */
  | { readonly type: 'hurry' };

/** The new state, and whether a probe is to be sent now. */
export interface ProbeStep {
  readonly state: ProbeState;
  readonly effects: readonly 'ask'[];
}

/** A new watch: taken for down, and due at once. */
export function beginProbe(nowMs: number): ProbeState {
  return { status: 'waiting', sight: { isUp: false, downSinceMs: nowMs }, dueMs: nowMs };
}

/**
 * Moves one watch on.
 *
 * Pure: the caller sends the probe and reports its result. At most one is under way; the next is due one interval after the
 * result. Until the first `ok`, and again after `failures` failures in a row, probes follow each other quickly, so that
 * readiness is seen when it comes. `nowMs` is monotonic.
 */
export function stepProbe(
  state: ProbeState,
  event: ProbeEvent,
  nowMs: number,
  policy: ProbePolicy,
): ProbeStep {
  switch (event.type) {
    case 'tick':
      if (state.status === 'asking' || nowMs < state.dueMs) return stay(state);
      return ask(state.sight);
    case 'hurry':
      if (state.status === 'waiting') return ask(state.sight);
      return stay({ ...state, isHurried: true });
    case 'result':
      if (state.status === 'waiting') return stay(state);
      return onResult(state, event, nowMs, policy);
    default:
      return assertNever(event);
  }
}

function onResult(
  before: ProbeState & { readonly status: 'asking' },
  result: { readonly ok: boolean; readonly chance: number },
  nowMs: number,
  policy: ProbePolicy,
): ProbeStep {
  const sight = toSight(before.sight, result.ok, nowMs, policy);
  const gapMs = sight.isUp ? policy.intervalMs : quickGapMs(nowMs - sight.downSinceMs, policy);
  const dueMs = nowMs + gapMs * (1 - policy.jitterRatio * result.chance);
  // What hurried us happened after this probe was sent: only a good answer makes another needless.
  if (before.isHurried && !result.ok) return ask(sight);
  return stay({ status: 'waiting', sight, dueMs });
}

function toSight(before: ProbeSight, ok: boolean, nowMs: number, policy: ProbePolicy): ProbeSight {
  if (ok) return { isUp: true, failuresInRow: 0 };
  if (!before.isUp) return before;
  const failuresInRow = before.failuresInRow + 1;
  if (failuresInRow < policy.failures) return { isUp: true, failuresInRow };
  return { isUp: false, downSinceMs: nowMs };
}

function quickGapMs(downMs: number, policy: ProbePolicy): number {
  const longestMs = Math.min(policy.quickMaxMs, policy.intervalMs);
  return Math.min(Math.max(downMs * policy.quickRatio, policy.quickMinMs), longestMs);
}

function ask(sight: ProbeSight): ProbeStep {
  return { state: { status: 'asking', sight, isHurried: false }, effects: ['ask'] };
}

function stay(state: ProbeState): ProbeStep {
  return { state, effects: [] };
}

function assertNever(value: never): never {
  throw new TypeError(`unexpected ${JSON.stringify(value)}`);
}
