import {
  compareEpochs,
  type AssignedInstance,
  type InstanceId,
  type InstanceReport,
  type NodeName,
  type NodeReport,
} from '@meshwork/shared';
import type { DesiredIndex } from './desired-index.ts';
import { specOf, type InstanceRecord } from './mesh-state.ts';

/** The instances that a node should have, by id. `report` is its latest one, absent where it is not of this mesh. */
export function instancesFor(
  index: DesiredIndex,
  node: NodeName,
  report: Pick<NodeReport, 'instances'> | undefined,
): readonly AssignedInstance[] {
  const reported = byInstance(report?.instances ?? []);
  const assigned: AssignedInstance[] = [];
  for (const record of index.byNode.get(node) ?? []) {
    if (isHeld(record, reported.get(record.instance))) continue;
    const spec = specOf(index.state, record);
    if (spec === undefined) continue;
    const { instance, agent, fleet, epoch, nonce, desired } = record;
    assigned.push({ instance, agent, fleet, epoch, nonce, desired, spec });
  }
  return assigned.toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
}

/** Whether two assignments ask the same of a node. Specs are compared by identity: a commit makes a new one. */
export function isSameAssignment(
  before: readonly AssignedInstance[],
  after: readonly AssignedInstance[],
): boolean {
  return (
    before.length === after.length &&
    before.every((one, at) => {
      const other = after[at];
      return (
        other !== undefined &&
        one.instance === other.instance &&
        one.epoch === other.epoch &&
        one.nonce === other.nonce &&
        one.desired === other.desired &&
        one.fleet === other.fleet &&
        one.spec === other.spec
      );
    })
  );
}

/**
 * Whether an instance must be left out of a node's assignment: the node, having heard from this very mesh, keeps a run of the
 * same or a later epoch as `unclaimed`, because the records are older than what it obeyed. Claiming it would restart it;
 * that is for a person (`mesh agent adopt` or `stop`), or for a new placement.
 */
export function isHeld(
  record: Pick<InstanceRecord, 'epoch' | 'isAdopting'>,
  reported: Pick<InstanceReport, 'epoch' | 'state'> | undefined,
): boolean {
  if (reported?.state !== 'unclaimed' || record.isAdopting === true) return false;
  return compareEpochs(reported.epoch, record.epoch) >= 0;
}

/** Instances by id. */
export function byInstance<Item extends { readonly instance: InstanceId }>(
  items: readonly Item[],
): ReadonlyMap<InstanceId, Item> {
  return new Map(items.map((item) => [item.instance, item]));
}
