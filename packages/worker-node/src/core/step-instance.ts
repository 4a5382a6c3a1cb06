/*
 * The one place that decides about an instance (docs/lifecycles/instance.md). Invariants: a crash is counted at most once per
 * launch; `launch` is asked for only when nothing of the instance runs; whoever stops it waits for its whole tree.
 */
import type {
  ClaimedState,
  InstanceEvent,
  InstancePolicy,
  InstanceState,
  InstanceStep,
  Starting,
  Stopping,
  Unknown,
} from './instance-state.ts';
import { ALIVE_MS, stepLive } from './step-live.ts';
import {
  crash,
  exit,
  ignored,
  launch,
  rest,
  run,
  stay,
  unburdened,
  type ClaimedStep,
} from './transitions.ts';

/**
 * Decides what one event means for one instance.
 *
 * Pure: the caller carries out the effects, in order. `nowMs` is milliseconds since boot.
 */
export function stepInstance(
  state: InstanceState,
  event: InstanceEvent,
  nowMs: number,
  policy: InstancePolicy,
): InstanceStep {
  if (state.status !== 'unclaimed') {
    if (event.type !== 'unclaim') return stepClaimed(state, event, nowMs, policy);
    if (state.status === 'stopping') return ignored(state, 'it is being stopped');
    return { state: { status: 'unclaimed', sinceMs: nowMs, inner: state }, effects: [] };
  }
  if (event.type === 'claim') return { state: state.inner, effects: [] };
  if (event.type === 'unclaim') return ignored(state, 'it is unclaimed already');
  const order = event.type === 'stop' ? { ...event, after: 'forget' as const } : event;
  const step = stepClaimed(state.inner, order, nowMs, policy);
  if (event.type === 'stop' || step.state.status === 'stopping') return step;
  return { ...step, state: { ...state, inner: step.state } };
}

/**
 * When the next `tick` can change something, ms since boot; undefined: never by time alone.
 */
export function pickWakeMs(state: InstanceState, policy: InstancePolicy): number | undefined {
  switch (state.status) {
    case 'unclaimed':
      return pickWakeMs(state.inner, policy);
    case 'waiting':
      return state.blocked?.untilMs;
    case 'running':
      if (policy.health === undefined) return state.startedMs + ALIVE_MS;
      return state.isLate || state.wasReady
        ? undefined
        : state.startedMs + policy.health.startPeriodMs;
    case 'ready':
      return state.history.ends === 0 ? undefined : state.sinceMs + policy.restart.window;
    case 'stopping':
      return state.stuck?.retryAtMs;
    case 'crashed':
    case 'ended':
      return state.retryAtMs;
    case 'starting':
    case 'stopped':
    case 'crash-loop':
    case 'unknown':
      return undefined;
    default:
      return state satisfies never;
  }
}

function stepClaimed(
  state: ClaimedState,
  event: InstanceEvent,
  nowMs: number,
  policy: InstancePolicy,
): ClaimedStep {
  switch (state.status) {
    case 'waiting':
      if (event.type === 'go') {
        if (state.blocked !== undefined && nowMs < state.blocked.untilMs) return stay(state);
        return launch(state.history, nowMs);
      }
      return stepAtRest(state, event, nowMs);
    case 'starting':
      return stepStarting(state, event, nowMs, policy);
    case 'running':
    case 'ready':
      return stepLive(state, event, nowMs, policy);
    case 'stopping':
      return stepStopping(state, event, nowMs);
    case 'crashed':
    case 'ended':
      if (event.type === 'tick') {
        if (state.retryAtMs === undefined || nowMs < state.retryAtMs) return stay(state);
        return launch(state.history, nowMs);
      }
      return stepAtRest(state, event, nowMs);
    case 'stopped':
    case 'crash-loop':
      return stepAtRest(state, event, nowMs);
    case 'unknown':
      return stepUnknown(state, event, nowMs, policy);
    default:
      return state satisfies never;
  }
}

/** Nothing of it runs. */
function stepAtRest(state: ClaimedState, event: InstanceEvent, nowMs: number): ClaimedStep {
  switch (event.type) {
    case 'stop':
      return rest(state.history, event.after, nowMs);
    case 'reset':
      if (state.status === 'waiting') return stay({ ...state, history: unburdened(state.history) });
      return rest(state.history, 'start', nowMs);
    case 'tick':
    case 'claim':
      return stay(state);
    default:
      return ignored(state, `nothing of it runs (${state.status})`);
  }
}

function stepStarting(
  state: Starting,
  event: InstanceEvent,
  nowMs: number,
  policy: InstancePolicy,
): ClaimedStep {
  switch (event.type) {
    case 'launched': {
      const { launch: number, startedMs } = event;
      return run(
        { ...state.history, launches: number },
        { launch: number, startedMs },
        nowMs,
        policy,
      );
    }
    case 'blocked': {
      const blocked = { reason: event.reason, untilMs: nowMs + event.retryInMs };
      return stay({ status: 'waiting', sinceMs: nowMs, history: state.history, blocked });
    }
    case 'launch-failed': {
      const history = { ...state.history, launches: state.launch };
      return crash(history, event.exit, event.jitter, nowMs, policy, []);
    }
    case 'stop':
      return {
        state: { status: 'stopping', sinceMs: nowMs, history: state.history, after: event.after },
        effects: [{ type: 'end' }],
      };
    case 'reset':
    case 'tick':
    case 'claim':
      return stay(state);
    default:
      return ignored(state, 'it is being started');
  }
}

function stepStopping(state: Stopping, event: InstanceEvent, nowMs: number): ClaimedStep {
  switch (event.type) {
    case 'launched':
      return stay({ ...state, history: { ...state.history, launches: event.launch } });
    case 'exited':
      return stay({ ...state, history: { ...state.history, lastExit: event.exit } });
    case 'tree-ended':
      return rest(state.history, state.after, nowMs);
    case 'tree-stuck':
      return stay({ ...state, stuck: { left: event.left, retryAtMs: nowMs + event.retryInMs } });
    case 'tick': {
      const { stuck, ...free } = state;
      if (stuck === undefined || nowMs < stuck.retryAtMs) return stay(state);
      return { state: free, effects: [{ type: 'end' }] };
    }
    case 'stop':
      return stay({ ...state, after: event.after });
    case 'reset':
      return stay({ ...state, after: 'start' });
    case 'claim':
    case 'blocked':
    case 'launch-failed':
      return stay(state);
    default:
      return ignored(state, 'it is being stopped');
  }
}

/** The daemon is back; runs are looked for once, right after. */
function stepUnknown(
  state: Unknown,
  event: InstanceEvent,
  nowMs: number,
  policy: InstancePolicy,
): ClaimedStep {
  switch (event.type) {
    case 'found': {
      const history = { ...state.history, launches: event.launch };
      if (state.was === 'stopping')
        return stepUnknown({ ...state, history }, stopAgain, nowMs, policy);
      return run(history, { launch: event.launch, startedMs: event.startedMs }, nowMs, policy);
    }
    case 'exited': {
      if (event.launch < state.launch) return missing(state, event, nowMs, policy);
      const history = { ...state.history, launches: event.launch };
      if (state.was !== 'stopping') return exit(history, event, nowMs, policy, [{ type: 'sweep' }]);
      const stopped = rest({ ...history, lastExit: event.exit }, 'stopped', nowMs);
      return { ...stopped, effects: [{ type: 'sweep' }] };
    }
    case 'missing':
      return missing(state, event, nowMs, policy);
    case 'stop':
      return {
        state: { status: 'stopping', sinceMs: nowMs, history: state.history, after: event.after },
        effects: [{ type: 'end' }],
      };
    case 'reset':
      return stay({ ...state, history: unburdened(state.history) });
    case 'tick':
    case 'claim':
      return stay(state);
    default:
      return ignored(state, 'the node has not looked for it yet');
  }
}

const stopAgain = { type: 'stop', after: 'stopped' } as const;

/** The latest run is not there: it was never started, or ended on order, or its end went unseen and is a crash. */
function missing(
  state: Unknown,
  event: Extract<InstanceEvent, { type: 'missing' | 'exited' }>,
  nowMs: number,
  policy: InstancePolicy,
): ClaimedStep {
  // A run that was seen is older than the latest and was counted in its time.
  const effects = event.type === 'exited' ? ([{ type: 'sweep' }] as const) : [];
  if (state.was === 'stopping') return { ...rest(state.history, 'stopped', nowMs), effects };
  if (state.was === 'starting') {
    return { state: { status: 'waiting', sinceMs: nowMs, history: state.history }, effects };
  }
  const exitFacts = { evidence: 'gone', atMs: event.exit.atMs };
  return crash(state.history, exitFacts, event.jitter, nowMs, policy, effects);
}
