import { z } from 'zod';
import type { AgentSpec } from '../fleet/agent-spec.ts';
import {
  AgentName,
  Epoch,
  FleetName,
  InstanceId,
  MeshId,
  NodeName,
  Revision,
  Term,
} from '../ids.ts';
import { defineMessage, type MessageOf } from './define-message.ts';

/** What one instance should be. `nonce` rises with each ordered restart. */
export const AssignedInstance = z.object({
  instance: InstanceId,
  agent: AgentName,
  fleet: FleetName,
  epoch: Epoch,
  nonce: z.int().nonnegative(),
  desired: z.enum(['run', 'stop']),
  spec: z.unknown(),
});
/** `spec` is an `AgentSpec` in its parsed form. */
export type AssignedInstance = Omit<z.infer<typeof AssignedInstance>, 'spec'> & {
  readonly spec: AgentSpec;
};

/**
 * Main node -> node: the complete desired state of that node, as a latest-wins slot.
 *
 * Idempotent by (term, revision). Absence of an instance is an order only when `mesh` matches and the
 * revision is higher than the one obeyed before; else the instance runs on as `unclaimed`.
 */
export const NodeAssign = defineMessage(
  'node.assign',
  1,
  z.object({
    mesh: MeshId,
    term: Term,
    revision: Revision,
    node: NodeName,
    instances: z.array(AssignedInstance).max(10_000),
  }),
);
export type NodeAssign = Omit<MessageOf<typeof NodeAssign>, 'instances'> & {
  readonly instances: readonly AssignedInstance[];
};
