import { z } from 'zod';
import {
  AgentName,
  Epoch,
  FleetName,
  Incarnation,
  InstanceId,
  MeshId,
  NodeName,
  Revision,
  Term,
} from '../ids.ts';
import { Evidence, InstanceState, LastExit } from '../messages/node-report.ts';

/** States of a node as the main node sees it; `docs/lifecycles/node.md` has the diagram. */
export const NodeState = z.enum([
  'alive',
  'not acting',
  'suspect',
  'rejoining',
  'dead',
  'left',
  'unknown',
]);
export type NodeState = z.infer<typeof NodeState>;

/** Whether a node's key may connect. */
export const Admission = z.enum(['accepted', 'pending', 'revoked']);
export type Admission = z.infer<typeof Admission>;

/** A page of things: `next` is the cursor of the next page, absent on the last. */
export const listOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().optional() });

/** One node, for `status`, `node list` and `node show`. */
export const NodeRow = z.object({
  name: NodeName,
  state: NodeState,
  /** Time since the node was last heard, ms; absent when never. */
  heardAgoMs: z.number().optional(),
  admission: Admission,
  fingerprint: z.string(),
  incarnation: Incarnation.optional(),
  address: z.string().optional(),
  host: z.string().optional(),
  release: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  cordoned: z.boolean(),
  agents: z.object({ total: z.int(), ready: z.int() }),
  loopLagMs: z.number().optional(),
  load1: z.number().optional(),
  memoryUsedRatio: z.number().optional(),
  /** The assignment that the node works towards is the newest one. */
  isCurrent: z.boolean(),
});
export type NodeRow = z.infer<typeof NodeRow>;

/** One instance of an agent, for `status`, `agent list` and `agent show`. */
export const AgentRow = z.object({
  name: AgentName,
  instance: InstanceId,
  fleet: FleetName,
  node: NodeName.optional(),
  state: InstanceState,
  desired: z.enum(['run', 'stop']),
  /** Time in this state, ms. */
  stateAgeMs: z.number().optional(),
  /** True when the report behind this row is older than it should be. */
  isStale: z.boolean(),
  reason: z.string().optional(),
  pid: z.int().optional(),
  epoch: Epoch.optional(),
  group: z.string().optional(),
  phase: z.int().optional(),
  restarts: z.int(),
  crashes: z.int(),
  startedAtMs: z.number().optional(),
  ports: z.record(z.string(), z.int()),
  evidence: z.object({
    process: Evidence.optional(),
    protocol: Evidence.optional(),
    progress: Evidence.optional(),
  }),
  containment: z.string().optional(),
  lastExit: LastExit.optional(),
  lastLines: z.array(z.string()).optional(),
  labels: z.record(z.string(), z.string()),
});
export type AgentRow = z.infer<typeof AgentRow>;

/** `mesh status`: everything at a glance. */
export const Status = z.object({
  mesh: z.object({
    id: MeshId,
    term: Term,
    revision: Revision,
    release: z.string(),
    store: z.object({
      state: z.enum(['up', 'down']),
      durable: z.boolean(),
      losses: z.array(z.string()),
    }),
    /** Time since the main node started, ms; for its first 15 s nobody unheard is called dead. */
    uptimeMs: z.number(),
  }),
  nodes: z.array(NodeRow),
  agents: z.array(AgentRow),
});
export type Status = z.infer<typeof Status>;
