import { createHash } from 'node:crypto';
import type { InstanceReport } from '@meshwork/shared';
import { describeReason } from '../core/instance-reason.ts';
import { claimedPart, type InstanceState } from '../core/instance-state.ts';
import type { Instance, Observation } from './instance.ts';
import type { UnreadableInstance } from './read-spec.ts';

/** What a report says besides what the supervisor holds. */
export interface ReportContext {
  /** Ms since boot. */
  readonly nowMs: number;
  readonly hold?: string | undefined;
  readonly callsInFlight: number;
  readonly hasSdk: boolean;
  readonly progress?: Observation | undefined;
}

/** A report in the making; ages count from `nowMs`. */
export function toInstanceReport(instance: Instance, context: ReportContext): InstanceReport {
  const { assigned, state, run, protocol } = instance;
  const { nowMs } = context;
  const { history } = claimedPart(state);
  const isLive = run !== undefined && !run.ended;
  const reason = reasonOf(instance, context);
  return {
    instance: instance.id,
    agent: assigned.agent,
    fleet: assigned.fleet,
    // While a run lives, what it is counts and not what it should be.
    epoch: (isLive ? instance.ranEpoch : undefined) ?? assigned.epoch,
    nonce: (isLive ? instance.ranNonce : undefined) ?? assigned.nonce,
    state: state.status,
    stateAgeMs: Math.max(0, nowMs - state.sinceMs),
    ...(reason === undefined ? {} : { reason }),
    ...(isLive ? { pid: run.pid, startedAtMs: run.startedAtMs, containment: run.containment } : {}),
    restarts: Math.max(0, history.launches - 1),
    crashes: history.crashes,
    ports: instance.ports,
    evidence: {
      // The runtime tells of an end within its own look; a report says what it knows now.
      ...(isLive ? { process: { ok: true, ageMs: 0 } } : {}),
      ...(protocol === undefined ? {} : { protocol: withAge(protocol, nowMs) }),
      ...(context.progress === undefined ? {} : { progress: withAge(context.progress, nowMs) }),
    },
    ...(history.lastExit === undefined ? {} : { lastExit: history.lastExit }),
    ...(instance.lastLines === undefined || !isUnwell(state)
      ? {}
      : { lastLines: [...instance.lastLines] }),
    callsInFlight: context.callsInFlight,
    hasSdk: context.hasSdk,
  };
}

/** Says of an instance that this release cannot obey why it does not start. */
export function toUnreadableReport({ assigned, reason }: UnreadableInstance): InstanceReport {
  const { instance, agent, fleet, epoch, nonce } = assigned;
  return {
    instance,
    agent,
    fleet,
    epoch,
    nonce,
    state: 'waiting',
    stateAgeMs: 0,
    reason,
    restarts: 0,
    crashes: 0,
    ports: {},
    evidence: {},
    callsInFlight: 0,
    hasSdk: false,
  };
}

/** Changes when a report says something else, apart from ages and load. */
export function digestReports(reports: readonly InstanceReport[]): string {
  const hash = createHash('sha256');
  for (const { stateAgeMs: _, callsInFlight: __, evidence, reason, ...lasting } of reports) {
    const protocol = evidence.protocol?.ok ?? null;
    // Times to go in a reason count down and are no change.
    const words = reason?.replaceAll(/\bin [0-9a-z. ]+$/g, '') ?? null;
    hash.update(JSON.stringify([lasting, protocol, words]));
  }
  return hash.digest('hex').slice(0, 16);
}

function reasonOf(instance: Instance, context: ReportContext): string | undefined {
  const { spec } = instance.assigned;
  const failed = instance.protocol?.ok === false ? instance.protocol.detail : undefined;
  const view = {
    ...instance.gate,
    hold: context.hold,
    probeDetail: failed,
    startPeriodMs: spec.health?.startPeriod,
    maxRestarts: spec.restart.maxRestarts,
  };
  return describeReason(instance.state, view, context.nowMs);
}

function withAge(
  observation: Observation,
  nowMs: number,
): NonNullable<InstanceReport['evidence']['protocol']> {
  const { atMs, ...said } = observation;
  return { ...said, ageMs: Math.max(0, nowMs - atMs) };
}

function isUnwell(state: InstanceState): boolean {
  const inner = claimedPart(state);
  if (inner.status === 'running') return inner.isLate || inner.wasReady;
  return inner.status === 'crashed' || inner.status === 'crash-loop';
}
