import { formatDuration } from '@meshwork/shared';
import { claimedPart, type ClaimedState, type InstanceState } from './instance-state.ts';

/** What words for a state are made from, besides the state. */
export interface ReasonView {
  readonly waitsFor: readonly string[];
  readonly without: readonly string[];
  /** Why nothing is started on this node. */
  readonly hold?: string | undefined;
  /** What the latest probe said, when it failed. */
  readonly probeDetail?: string | undefined;
  readonly startPeriodMs?: number | undefined;
  readonly maxRestarts: number;
}

/** Why an instance is in its state, in words for people; undefined where the state says it all. */
export function describeReason(
  state: InstanceState,
  view: ReasonView,
  nowMs: number,
): string | undefined {
  const reason = describeClaimed(claimedPart(state), view, nowMs);
  if (state.status !== 'unclaimed') return reason;
  const runsOn = `the main node does not know it; it goes on (${state.inner.status}) until "mesh agent adopt" or "mesh agent stop"`;
  return reason === undefined ? runsOn : `${runsOn}; ${reason}`;
}

function describeClaimed(state: ClaimedState, view: ReasonView, nowMs: number): string | undefined {
  switch (state.status) {
    case 'waiting':
      if (state.blocked !== undefined) return state.blocked.reason;
      if (view.hold !== undefined) return `${view.hold}; it waits for the main node`;
      return view.waitsFor.length === 0 ? undefined : `waits for ${view.waitsFor.join(', ')}`;
    case 'running':
      return describeRunning(state, view);
    case 'ready':
      return describeWithout(view);
    case 'stopping': {
      if (state.stuck === undefined) return undefined;
      const { left, retryAtMs } = state.stuck;
      return `${pids(left)} cannot be ended; tried again ${inTime(retryAtMs - nowMs)}`;
    }
    case 'crashed':
    case 'ended': {
      const how = state.status === 'crashed' ? describeExit(state) : undefined;
      const retry =
        state.retryAtMs === undefined
          ? undefined
          : `started again ${inTime(state.retryAtMs - nowMs)}`;
      const never = state.status === 'crashed' ? 'its restart policy is never' : undefined;
      return joined(how, retry ?? never);
    }
    case 'crash-loop': {
      const times = `crashed ${state.history.streak} times in a row, more than maxRestarts (${view.maxRestarts}) without a proven run between`;
      return joined(
        times,
        `last: ${describeExit(state) ?? 'unknown'}`,
        '"mesh agent restart" tries again',
      );
    }
    case 'unknown':
      return 'the node has not looked for it yet';
    case 'starting':
    case 'stopped':
      return undefined;
    default:
      return state satisfies never;
  }
}

function describeRunning(
  state: Extract<ClaimedState, { status: 'running' }>,
  view: ReasonView,
): string | undefined {
  const said = view.probeDetail === undefined ? undefined : `probe: ${view.probeDetail}`;
  if (state.wasReady) return joined('was ready, its probe fails', said, describeWithout(view));
  if (!state.isLate) return joined(said, describeWithout(view));
  const period = formatDuration(view.startPeriodMs ?? 0);
  return joined(
    `not ready within its startPeriod (${period}), tried on`,
    said,
    describeWithout(view),
  );
}

function describeWithout(view: ReasonView): string | undefined {
  if (view.without.length === 0) return undefined;
  return `started without ${view.without.join(', ')}: the main node was away and did not tell of it`;
}

function describeExit(state: ClaimedState): string | undefined {
  const exit = state.history.lastExit;
  if (exit === undefined) return undefined;
  if (exit.signal !== undefined && exit.code !== undefined) {
    return `ended with code ${exit.code} or by ${exit.signal}`;
  }
  if (exit.signal !== undefined) return `ended by ${exit.signal}`;
  if (exit.code !== undefined) return `ended with code ${exit.code}`;
  return exit.evidence === 'gone' ? 'was gone when the node looked' : exit.evidence;
}

function inTime(ms: number): string {
  return ms <= 0 ? 'now' : `in ${formatDuration(ms)}`;
}

function pids(left: readonly number[]): string {
  return left.length === 1 ? `process ${left[0]}` : `processes ${left.join(', ')}`;
}

function joined(...parts: readonly (string | undefined)[]): string | undefined {
  const said = parts.filter((part) => part !== undefined);
  return said.length === 0 ? undefined : said.join('; ');
}
