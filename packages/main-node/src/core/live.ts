import type {
  Evidence,
  InstanceId,
  InstanceReport,
  InstanceState,
  NodeFacts,
  NodeHeartbeat,
  NodeName,
  NodeReport,
} from '@meshwork/shared';
import type { Member } from './membership.ts';

/** What was heard of one node. Nothing of it is stored: after a start it is heard anew. */
export interface LiveNode {
  readonly name: NodeName;
  readonly member: Member;
  readonly facts?: NodeFacts | undefined;
  readonly release?: string | undefined;
  readonly heartbeat?: NodeHeartbeat | undefined;
  /** Monotonic ms of the last sign of life. */
  readonly heardAtMs?: number | undefined;
  /** Of this connection; absent until the node has said what it obeys. */
  readonly report?: NodeReport | undefined;
  /** Of the last report, by id; an earlier connection's while this one has none, and stale then. */
  readonly instances?: ReadonlyMap<InstanceId, InstanceReport> | undefined;
  /** Monotonic ms. */
  readonly reportedAtMs?: number | undefined;
  /** Monotonic ms since when the heartbeat's digest differs from the report's. */
  readonly differsSinceMs?: number | undefined;
}

/** How long a heartbeat may name another digest than the last report before the report counts as stale, ms. */
export const reportPatienceMs = 1_500;

/** Whether what a node reported is the truth of now, as far as can be known. */
export function isStale(node: LiveNode, nowMs: number): boolean {
  if (node.report === undefined || node.member.status !== 'alive') return true;
  return node.differsSinceMs !== undefined && nowMs - node.differsSinceMs > reportPatienceMs;
}

/** What one instance is known to be, with the age of that knowledge. */
export interface Sight {
  readonly state: InstanceState;
  readonly isStale: boolean;
  readonly reason?: string | undefined;
  readonly report?: InstanceReport | undefined;
  /** Age of the report, ms. */
  readonly ageMs: number;
}

/**
 * What is known of an instance on a node: the report, or `unknown` where the node is dead, has left or was not heard yet.
 *
 * A node that is suspect, rejoining or not acting keeps its instances' last known state, marked stale: agents outlive their daemon.
 */
export function sightOf(node: LiveNode | undefined, instance: InstanceId, nowMs: number): Sight {
  const report = node?.instances?.get(instance);
  const ageMs = Math.max(0, nowMs - (node?.reportedAtMs ?? nowMs));
  const status = node?.member.status;
  if (node === undefined || status === undefined) {
    return { state: 'unknown', isStale: true, reason: 'its node is not in this mesh', ageMs };
  }
  if (status === 'dead' || status === 'left' || status === 'unknown') {
    const last = report === undefined ? '' : `; it was ${report.state} when last heard`;
    const reason = `its node is ${status === 'unknown' ? 'not heard yet' : status}${last}`;
    return { state: 'unknown', isStale: true, reason, report, ageMs };
  }
  if (report === undefined) {
    const isHeard = node.report !== undefined;
    const reason = isHeard ? 'its node has not taken it over yet' : 'its node has not reported yet';
    return { state: isHeard ? 'waiting' : 'unknown', isStale: isStale(node, nowMs), reason, ageMs };
  }
  return {
    state: report.state,
    isStale: isStale(node, nowMs),
    reason: report.reason,
    report,
    ageMs,
  };
}

/** Whether an instance can be used now: ready, and its node can be reached. */
export function isUsable(sight: Sight): boolean {
  return sight.state === 'ready' && !sight.isStale;
}

/** Evidence as old as it is now. */
export function ageEvidence(evidence: Evidence | undefined, ageMs: number): Evidence | undefined {
  return evidence && { ...evidence, ageMs: evidence.ageMs + ageMs };
}
