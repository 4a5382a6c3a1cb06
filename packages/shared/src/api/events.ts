import { z } from 'zod';
import { AgentName, Epoch, FleetName, InstanceId, NodeName } from '../ids.ts';
import { InstanceState } from '../messages/node-report.ts';
import { NodeState } from './rows.ts';

/** Who changed something: a person through the API, a node, or the main node itself. */
export const Actor = z.object({
  kind: z.enum(['operator', 'node', 'main-node']),
  name: z.string(),
});
export type Actor = z.infer<typeof Actor>;

const stamped = { id: z.string(), atMs: z.number(), actor: Actor, source: z.string() };
const change = <Value extends z.ZodType>(value: Value) => ({
  before: value.optional(),
  after: value.optional(),
});

/** One event of `{mesh}:events`: what changed, by whom, from where, and what was before. */
export const MeshEvent = z.discriminatedUnion('kind', [
  z.object({
    ...stamped,
    kind: z.literal('main-node.started'),
    term: z.int(),
    release: z.string(),
  }),
  z.object({ ...stamped, kind: z.literal('node.joined'), node: NodeName, fingerprint: z.string() }),
  z.object({
    ...stamped,
    kind: z.literal('node.waiting'),
    node: NodeName,
    fingerprint: z.string(),
  }),
  z.object({
    ...stamped,
    kind: z.literal('node.state'),
    node: NodeName,
    ...change(NodeState),
    reason: z.string().optional(),
  }),
  z.object({
    ...stamped,
    kind: z.literal('node.admission'),
    node: NodeName,
    ...change(z.string()),
    fingerprint: z.string().optional(),
  }),
  z.object({
    ...stamped,
    kind: z.literal('agent.state'),
    agent: AgentName,
    instance: InstanceId,
    node: NodeName,
    ...change(InstanceState),
    reason: z.string().optional(),
  }),
  z.object({
    ...stamped,
    kind: z.literal('agent.placed'),
    agent: AgentName,
    instance: InstanceId,
    epoch: Epoch,
    ...change(NodeName),
  }),
  z.object({
    ...stamped,
    kind: z.literal('agent.removed'),
    agent: AgentName,
    instance: InstanceId,
    before: NodeName.optional(),
  }),
  z.object({
    ...stamped,
    kind: z.literal('agent.desired'),
    agent: AgentName,
    ...change(z.unknown()),
  }),
  z.object({
    ...stamped,
    kind: z.literal('fleet.applied'),
    fleet: FleetName,
    ...change(z.unknown()),
    summary: z.string(),
  }),
  z.object({ ...stamped, kind: z.literal('fleet.removed'), fleet: FleetName, before: z.unknown() }),
  z.object({
    ...stamped,
    kind: z.literal('config.changed'),
    key: z.string(),
    ...change(z.unknown()),
  }),
  z.object({
    ...stamped,
    kind: z.literal('store.state'),
    ...change(z.string()),
    reason: z.string().optional(),
  }),
]);
export type MeshEvent = z.infer<typeof MeshEvent>;
