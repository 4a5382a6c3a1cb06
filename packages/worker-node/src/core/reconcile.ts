/*
 * Invariant (DESIGN, "Level-triggered"): nothing is stopped because it is missing from an assignment, unless the assignment
 * is of the same mesh and newer than the one obeyed; and nothing goes back to an older placement.
 */
import {
  compareEpochs,
  type AssignedInstance,
  type InstanceId,
  type MeshId,
  type NodeAssign,
  type Revision,
  type Term,
} from '@meshwork/shared';
import { toIdentity } from './process-key.ts';

/** Everything that a node was told about its instances: what it works towards, also after a restart or alone. */
export interface DesiredState {
  /** Absent until the first assignment. */
  readonly mesh?: MeshId | undefined;
  readonly term: Term;
  readonly revision: Revision;
  /** Highest term that was ever seen; assignments of lower ones are refused. */
  readonly highestTerm: Term;
  /** What the main node asks for. */
  readonly claimed: readonly AssignedInstance[];
  /** What runs on although the main node does not know it, or knows it only as it once was. */
  readonly unclaimed: readonly AssignedInstance[];
  /** What is being ended for good. */
  readonly leaving: readonly AssignedInstance[];
}

/** What became of an assignment. */
export type Verdict = 'obeyed' | 'same' | 'stale' | 'lower-term';

/** A node that was told nothing yet. */
export const nothingDesired: DesiredState = {
  term: 0,
  revision: 0,
  highestTerm: 0,
  claimed: [],
  unclaimed: [],
  leaving: [],
};

/** Takes over an assignment, as far as it is one for this node to obey. Pure; the same assignment twice is `same`. */
export function reconcile(
  known: DesiredState,
  incoming: NodeAssign,
): { readonly verdict: Verdict; readonly next: DesiredState } {
  if (incoming.term < known.highestTerm) return { verdict: 'lower-term', next: known };
  const isSameMesh = known.mesh === incoming.mesh;
  if (isSameMesh && incoming.term === known.term) {
    if (incoming.revision === known.revision) return { verdict: 'same', next: known };
    if (incoming.revision < known.revision) return { verdict: 'stale', next: known };
  }
  const isNewer = isSameMesh && incoming.revision > known.revision;
  const claimed: AssignedInstance[] = [];
  const unclaimed: AssignedInstance[] = [];
  const leaving: AssignedInstance[] = [];
  const rest = byInstance(known);
  for (const wanted of incoming.instances) {
    const prior = rest.get(wanted.instance);
    rest.delete(wanted.instance);
    if (prior === undefined || isOrder(wanted, prior.assigned, { isNewer, isSameMesh })) {
      claimed.push(wanted);
    } else {
      unclaimed.push(prior.assigned);
    }
  }
  for (const { assigned, kind } of rest.values()) {
    if (kind === 'leaving' || (kind === 'claimed' && isNewer)) leaving.push(assigned);
    else unclaimed.push(assigned);
  }
  const { mesh, term, revision } = incoming;
  return {
    verdict: 'obeyed',
    next: { mesh, term, revision, highestTerm: term, claimed, unclaimed, leaving },
  };
}

/** Ends an unclaimed instance for good; undefined when none of that name is unclaimed. */
export function stopUnclaimed(known: DesiredState, instance: InstanceId): DesiredState | undefined {
  const found = known.unclaimed.find((assigned) => assigned.instance === instance);
  if (found === undefined) return undefined;
  return {
    ...known,
    unclaimed: known.unclaimed.filter((assigned) => assigned !== found),
    leaving: [...known.leaving, found],
  };
}

/** Ends everything for good: this node was removed from the mesh. */
export function leaveAll(known: DesiredState): DesiredState {
  const leaving = [...known.claimed, ...known.unclaimed, ...known.leaving];
  return { ...known, claimed: [], unclaimed: [], leaving };
}

/** Drops an instance of which nothing is left. */
export function dropLeft(known: DesiredState, instance: InstanceId): DesiredState {
  return {
    ...known,
    leaving: known.leaving.filter((assigned) => assigned.instance !== instance),
  };
}

/** Takes in a living run that nobody told this node about. */
export function takeInUnclaimed(known: DesiredState, assigned: AssignedInstance): DesiredState {
  return { ...known, unclaimed: [...known.unclaimed, assigned] };
}

/** Whether what is said of an instance that is here counts. */
function isOrder(
  wanted: AssignedInstance,
  prior: AssignedInstance,
  from: { readonly isNewer: boolean; readonly isSameMesh: boolean },
): boolean {
  const order = compareEpochs(wanted.epoch, prior.epoch);
  if (order !== 0) return order > 0;
  if (from.isNewer) return true;
  // The same placement from a store that is older or another: believed where it changes nothing.
  return toIdentity(wanted) === toIdentity(prior) && wanted.desired === prior.desired;
}

function byInstance(
  known: DesiredState,
): Map<InstanceId, { assigned: AssignedInstance; kind: 'claimed' | 'unclaimed' | 'leaving' }> {
  const entries = (['leaving', 'unclaimed', 'claimed'] as const).flatMap((kind) =>
    known[kind].map((assigned) => [assigned.instance, { assigned, kind }] as const),
  );
  return new Map(entries);
}
