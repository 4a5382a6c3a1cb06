import type { InstanceEvent, InstancePolicy, Ready, Running } from './instance-state.ts';
import { exit, ignored, stay, unburdened, type ClaimedStep } from './transitions.ts';

/** An instance without a declared probe is ready once it has been alive for so long. */
export const ALIVE_MS = 1_000;

/** Decides for an instance that is alive: its probe, its start period, its end. */
export function stepLive(
  state: Running | Ready,
  event: InstanceEvent,
  nowMs: number,
  policy: InstancePolicy,
): ClaimedStep {
  switch (event.type) {
    case 'probed':
      return event.ok ? answered(state, nowMs, policy) : failed(state, nowMs, policy);
    case 'tick':
      return passed(state, nowMs, policy);
    case 'exited': {
      if (event.launch !== state.launch)
        return ignored(state, `launch ${event.launch} is not its latest`);
      const { history } = proven(state, nowMs, policy);
      return exit(history, event, nowMs, policy, [{ type: 'probe-off' }, { type: 'sweep' }]);
    }
    case 'stop':
      return {
        state: { status: 'stopping', sinceMs: nowMs, history: state.history, after: event.after },
        effects: [{ type: 'probe-off' }, { type: 'end' }],
      };
    case 'reset':
      return stay({ ...state, history: unburdened(state.history) });
    case 'claim':
      return stay(state);
    default:
      return ignored(state, `it runs (${state.status})`);
  }
}

function answered(state: Running | Ready, nowMs: number, policy: InstancePolicy): ClaimedStep {
  if (state.status === 'ready') {
    // The same object where nothing changed: probes of a healthy fleet cost nothing.
    return stay(proven(state.failures === 0 ? state : { ...state, failures: 0 }, nowMs, policy));
  }
  const { history, launch: number, startedMs } = state;
  return stay({ status: 'ready', sinceMs: nowMs, history, launch: number, startedMs, failures: 0 });
}

function failed(state: Running | Ready, nowMs: number, policy: InstancePolicy): ClaimedStep {
  if (state.status === 'running') return passed(state, nowMs, policy);
  const failures = state.failures + 1;
  const { history } = proven(state, nowMs, policy);
  if (failures < (policy.health?.failures ?? Infinity))
    return stay({ ...state, history, failures });
  const { launch: number, startedMs } = state;
  return stay({
    status: 'running',
    sinceMs: nowMs,
    history,
    launch: number,
    startedMs,
    isLate: false,
    wasReady: true,
  });
}

/** Time passed in a live state. */
function passed(state: Running | Ready, nowMs: number, policy: InstancePolicy): ClaimedStep {
  if (state.status === 'ready') return stay(proven(state, nowMs, policy));
  const aliveMs = nowMs - state.startedMs;
  if (policy.health === undefined) {
    return aliveMs < ALIVE_MS ? stay(state) : answered(state, nowMs, policy);
  }
  if (state.isLate || state.wasReady || aliveMs < policy.health.startPeriodMs) return stay(state);
  return { state: { ...state, isLate: true }, effects: [{ type: 'late' }] };
}

/** The same state, freed of old crashes when it was ready for `window`. */
function proven<State extends Running | Ready>(
  state: State,
  nowMs: number,
  policy: InstancePolicy,
): State {
  if (state.history.ends === 0) return state;
  const isProven = state.status === 'ready' && nowMs - state.sinceMs >= policy.restart.window;
  return isProven ? { ...state, history: unburdened(state.history) } : state;
}
