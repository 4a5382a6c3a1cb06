import { pickBackOffMs } from './back-off.ts';
import type {
  AfterStop,
  ClaimedState,
  Crashed,
  Ended,
  ExitFacts,
  History,
  InstanceEffect,
  InstanceEvent,
  InstancePolicy,
  InstanceState,
  Running,
} from './instance-state.ts';

/** A step of an instance, claimed or under `unclaimed`. */
export interface ClaimedStep {
  readonly state: ClaimedState;
  readonly effects: readonly InstanceEffect[];
  readonly ignored?: string;
}

/** Asks for the next run. */
export function launch(history: History, nowMs: number): ClaimedStep {
  const number = history.launches + 1;
  return {
    state: { status: 'starting', sinceMs: nowMs, history, launch: number },
    effects: [{ type: 'launch', launch: number }],
  };
}

/** A run exists: probes begin where one is declared. */
export function run(
  history: History,
  started: { readonly launch: number; readonly startedMs: number },
  nowMs: number,
  policy: InstancePolicy,
): ClaimedStep {
  const state: Running = {
    status: 'running',
    sinceMs: nowMs,
    history,
    ...started,
    isLate: false,
    wasReady: false,
  };
  return { state, effects: policy.health === undefined ? [] : [{ type: 'probe-on' }] };
}

/** A history freed of old crashes: by an order, or a proven run. */
export function unburdened(history: History): History {
  return { ...history, streak: 0, ends: 0 };
}

/** The program ended by itself: the end, or a crash. */
export function exit(
  history: History,
  event: Extract<InstanceEvent, { type: 'exited' }>,
  nowMs: number,
  policy: InstancePolicy,
  effects: readonly InstanceEffect[],
): ClaimedStep {
  const isClean = event.exit.code === 0 && event.exit.signal === undefined;
  if (!isClean) return crash(history, event.exit, event.jitter, nowMs, policy, effects);
  const ends = history.ends + 1;
  const ended: Ended = {
    status: 'ended',
    sinceMs: nowMs,
    history: { ...history, ends, lastExit: event.exit },
  };
  if (policy.restart.policy !== 'always') return { state: ended, effects };
  const waitMs = pickBackOffMs(ends, policy.restart.backoff, event.jitter);
  return { state: { ...ended, retryAtMs: nowMs + waitMs }, effects };
}

/** One more crash: back-off, or a loop. */
export function crash(
  before: History,
  lastExit: ExitFacts,
  jitter: number,
  nowMs: number,
  policy: InstancePolicy,
  effects: readonly InstanceEffect[],
): ClaimedStep {
  const streak = before.streak + 1;
  const ends = before.ends + 1;
  const history = { ...before, crashes: before.crashes + 1, streak, ends, lastExit };
  const crashed: Crashed = { status: 'crashed', sinceMs: nowMs, history };
  if (policy.restart.policy === 'never') return { state: crashed, effects };
  if (streak > policy.restart.maxRestarts) {
    return { state: { status: 'crash-loop', sinceMs: nowMs, history }, effects };
  }
  const waitMs = pickBackOffMs(ends, policy.restart.backoff, jitter);
  return { state: { ...crashed, retryAtMs: nowMs + waitMs }, effects };
}

/** What becomes of an instance of which nothing runs; an order frees it of old crashes. */
export function rest(history: History, after: AfterStop, nowMs: number): ClaimedStep {
  const fresh = unburdened(history);
  if (after === 'start') return stay({ status: 'waiting', sinceMs: nowMs, history: fresh });
  const state: ClaimedState = { status: 'stopped', sinceMs: nowMs, history: fresh };
  if (after === 'stopped') return stay(state);
  return { state: { ...state, isLeaving: true }, effects: [{ type: 'forget' }] };
}

/** A state with nothing to do. */
export function stay(state: ClaimedState): ClaimedStep {
  return { state, effects: [] };
}

/** An event that does not belong in this state, and why. */
export function ignored<State extends InstanceState>(
  state: State,
  reason: string,
): { readonly state: State; readonly effects: readonly []; readonly ignored: string } {
  return { state, effects: [], ignored: reason };
}
