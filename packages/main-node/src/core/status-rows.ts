import {
  phaseKey,
  type Admission,
  type AgentRow,
  type AgentSpec,
  type InstanceReport,
  type NodeName,
  type NodeRow,
  type StartPlan,
} from '@meshwork/shared';
import type { DesiredIndex } from './desired-index.ts';
import { ageEvidence, isUsable, sightOf, type LiveNode } from './live.ts';
import { toNodeState } from './membership.ts';
import { specOf, type InstanceRecord, type NodeRecord } from './mesh-state.ts';

/** Everything that rows are made of, at one moment. */
export interface View {
  readonly index: DesiredIndex;
  readonly live: ReadonlyMap<NodeName, LiveNode>;
  readonly start: StartPlan;
  /** Monotonic ms. */
  readonly nowMs: number;
}

/** One node as people see it. */
export function toNodeRow(
  record: NodeRecord,
  view: View,
  extra: { readonly fingerprint: string; readonly isCurrent: boolean },
): NodeRow {
  const live = view.live.get(record.name);
  const { facts, heartbeat } = live ?? {};
  const placed = view.index.byNode.get(record.name) ?? [];
  const ready = placed.filter(({ instance }) => isUsable(sightOf(live, instance, view.nowMs)));
  const member = live?.member;
  return {
    name: record.name,
    state: member === undefined ? 'unknown' : toNodeState(member),
    ...(live?.heardAtMs === undefined ? {} : { heardAgoMs: view.nowMs - live.heardAtMs }),
    admission: record.admission === 'removed' ? 'revoked' : (record.admission satisfies Admission),
    fingerprint: extra.fingerprint,
    ...(member === undefined || !('incarnation' in member)
      ? {}
      : { incarnation: member.incarnation }),
    ...(facts === undefined ? {} : { address: facts.address, host: facts.host }),
    ...(live?.release === undefined ? {} : { release: live.release }),
    labels: facts?.labels ?? {},
    cordoned: record.isCordoned,
    agents: { total: placed.length, ready: ready.length },
    ...(heartbeat === undefined
      ? {}
      : {
          loopLagMs: heartbeat.loopLagMs,
          load1: heartbeat.load1,
          memoryUsedRatio: heartbeat.memoryUsedRatio,
        }),
    isCurrent: extra.isCurrent,
  };
}

/** One desired instance as people see it. */
export function toAgentRow(record: InstanceRecord, view: View): AgentRow {
  const sight = sightOf(view.live.get(record.node), record.instance, view.nowMs);
  const spec = specOf(view.index.state, record);
  const phase = view.start.phases.get(phaseKey(record.node, record.agent));
  return {
    ...describeReport(sight.report, sight.ageMs),
    name: record.agent,
    instance: record.instance,
    fleet: record.fleet,
    node: record.node,
    state: sight.state,
    desired: record.desired,
    isStale: sight.isStale,
    ...(sight.reason === undefined ? {} : { reason: sight.reason }),
    epoch: record.epoch,
    ...describeSpec(spec),
    ...(phase === undefined ? {} : { phase }),
  };
}

/** An instance that a node runs on although nobody asked this main node for it. */
export function toUnclaimedRow(node: NodeName, report: InstanceReport, view: View): AgentRow {
  const sight = sightOf(view.live.get(node), report.instance, view.nowMs);
  return {
    ...describeReport(report, sight.ageMs),
    name: report.agent,
    instance: report.instance,
    fleet: report.fleet,
    node,
    state: sight.state,
    desired: 'run',
    isStale: sight.isStale,
    reason: sight.reason ?? 'the records do not know it; mesh agent adopt or stop decides',
    epoch: report.epoch,
    labels: {},
  };
}

function describeSpec(spec: AgentSpec | undefined): Pick<AgentRow, 'labels' | 'group'> {
  const group = spec?.start.group;
  return { labels: spec?.labels ?? {}, ...(group === undefined ? {} : { group }) };
}

function describeReport(
  report: InstanceReport | undefined,
  ageMs: number,
): Pick<AgentRow, 'restarts' | 'crashes' | 'ports' | 'evidence'> & Partial<AgentRow> {
  if (report === undefined) return { restarts: 0, crashes: 0, ports: {}, evidence: {} };
  const { process, protocol, progress } = report.evidence;
  return {
    stateAgeMs: report.stateAgeMs + ageMs,
    ...pickDefined(report, ['pid', 'startedAtMs', 'containment', 'lastExit', 'lastLines']),
    restarts: report.restarts,
    crashes: report.crashes,
    ports: report.ports,
    evidence: {
      ...(process && { process: ageEvidence(process, ageMs) }),
      ...(protocol && { protocol: ageEvidence(protocol, ageMs) }),
      ...(progress && { progress: ageEvidence(progress, ageMs) }),
    },
  };
}

function pickDefined<Source extends object, Key extends keyof Source>(
  source: Source,
  keys: readonly Key[],
): { [K in Key]?: Exclude<Source[K], undefined> } {
  const entries = keys.filter((key) => source[key] !== undefined).map((key) => [key, source[key]]);
  return Object.fromEntries(entries) as { [K in Key]?: Exclude<Source[K], undefined> };
}
