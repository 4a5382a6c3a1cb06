import { z } from 'zod';
import { AgentName, InstanceId, MeshId, NodeName, Revision } from '../ids.ts';
import { CallArgs } from '../messages/agent-call.ts';

/** `POST /v1/call`: `target` is a name, a glob (`shard-*`) or a label (`team=search`). */
export const CallRequest = z.strictObject({
  target: z.string().min(1).max(128),
  action: z.string().min(1).max(128),
  args: CallArgs.default({}),
  /** One ready instance of all that match, instead of every one. A plain name means one anyway. */
  any: z.boolean().default(false),
  timeoutMs: z.int().min(1).max(3_600_000).default(5000),
});
export type CallRequest = z.infer<typeof CallRequest>;

/** How one called instance ended (P7). */
export const CallResult = z.object({
  agent: AgentName,
  instance: InstanceId.optional(),
  node: NodeName.optional(),
  status: z.enum(['answered', 'refused', 'expired', 'unknown']),
  result: z.unknown().optional(),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      details: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  durationMs: z.number(),
});
export type CallResult = z.infer<typeof CallResult>;

/** `POST /v1/ping`: pings nodes, or with `agents` probes every matching instance now. */
export const PingRequest = z.strictObject({
  /** Node name, or agent name, glob or label; absent: all nodes. */
  target: z.string().max(128).optional(),
  /** Every node and every instance. */
  all: z.boolean().default(false),
  timeoutMs: z.int().min(1).max(60_000).default(5000),
});
export type PingRequest = z.infer<typeof PingRequest>;

/** One line of `mesh ping`. */
export const PingRow = z.object({
  kind: z.enum(['node', 'agent']),
  name: z.string(),
  node: NodeName.optional(),
  ok: z.boolean(),
  durationMs: z.number().optional(),
  detail: z.string().optional(),
});
export type PingRow = z.infer<typeof PingRow>;

/** `POST /v1/fleets/plan` and `PUT /v1/fleets/NAME`: the decoded file and the directory it lies in. */
export const FleetInput = z.strictObject({
  document: z.unknown(),
  fleetDir: z.string(),
  /** Apply only when the desired state is still this one (from the plan). */
  expectRevision: Revision.optional(),
});
export type FleetInput = z.infer<typeof FleetInput>;

/** What applying would do to one instance, or why nothing can be done. */
export const PlanStep = z.object({
  agent: AgentName,
  instance: InstanceId.optional(),
  change: z.enum(['add', 'change', 'remove', 'move', 'none', 'impossible']),
  node: NodeName.optional(),
  phase: z.int().optional(),
  group: z.string().optional(),
  /** Changed fields, as paths. */
  fields: z.array(z.string()).optional(),
  reason: z.string().optional(),
  /** Why each node fits or not. */
  candidates: z
    .array(z.object({ node: NodeName, fits: z.boolean(), reasons: z.array(z.string()) }))
    .optional(),
});
export type PlanStep = z.infer<typeof PlanStep>;

/** The answer of plan and apply. An empty plan has only `none` steps. */
export const Plan = z.object({
  fleet: z.string(),
  revision: Revision,
  applied: z.boolean(),
  steps: z.array(PlanStep),
  problems: z.array(
    z.object({
      path: z.array(z.union([z.string(), z.int()])),
      code: z.string(),
      reason: z.string(),
    }),
  ),
  warnings: z.array(z.string()),
});
export type Plan = z.infer<typeof Plan>;

/** `GET /v1/fleets/NAME`: the stored document; applying it changes nothing. */
export const FleetRow = z.object({
  fleet: z.string(),
  agents: z.int(),
  revision: Revision,
  document: z.unknown().optional(),
});
export type FleetRow = z.infer<typeof FleetRow>;

/** `POST /v1/agents/NAME/act`: durable orders for one agent (all its instances, or one). */
export const AgentAct = z.strictObject({
  act: z.enum(['start', 'stop', 'restart', 'adopt']),
  instance: InstanceId.optional(),
});
export type AgentAct = z.infer<typeof AgentAct>;

/** `POST /v1/nodes/invite`: opens the door and mints a token. */
export const InviteRequest = z.strictObject({
  name: NodeName.optional(),
  uses: z.int().min(1).max(100).default(1),
  ttlMs: z.int().min(1000).max(604_800_000).default(3_600_000),
  /** Keys without a token may wait for a person. */
  pending: z.boolean().default(false),
  /** Addresses to listen on and to put in the token; default: every usable one of this machine. */
  addresses: z.array(z.string()).optional(),
});
export type InviteRequest = z.infer<typeof InviteRequest>;

/** What `mesh node invite` prints. */
export const Invite = z.object({
  token: z.string().optional(),
  addresses: z.array(z.string()),
  serverKey: z.string(),
  fingerprint: z.string(),
  expiresInMs: z.number(),
});
export type Invite = z.infer<typeof Invite>;

/** `POST /v1/nodes/NAME/act`. `rekey` needs the fingerprint of the waiting key; revoke's answer says what is known of its agents. */
export const NodeAct = z.strictObject({
  act: z.enum(['accept', 'reject', 'revoke', 'remove', 'rekey', 'cordon', 'uncordon']),
  fingerprint: z.string().optional(),
});
export type NodeAct = z.infer<typeof NodeAct>;

/** Answer of an act on agents or nodes. */
export const ActResult = z.object({
  revision: Revision,
  message: z.string(),
  affected: z.array(z.string()),
});
export type ActResult = z.infer<typeof ActResult>;

/** One setting of a daemon: its value and what set it (`default`, a file, a variable, a flag). */
export const ConfigSetting = z.object({
  daemon: z.string(),
  path: z.string(),
  value: z.unknown().optional(),
  /** As people write it; secrets are redacted. */
  text: z.string(),
  source: z.string(),
});
export type ConfigSetting = z.infer<typeof ConfigSetting>;

/** What `mesh config check` found about one file. */
export const ConfigCheck = z.object({
  daemon: z.string(),
  file: z.string(),
  ok: z.boolean(),
  problems: z.array(
    z.object({
      source: z.string(),
      line: z.int().optional(),
      path: z.string(),
      reason: z.string(),
    }),
  ),
});
export type ConfigCheck = z.infer<typeof ConfigCheck>;

/** One line of an agent's output; `dropped` counts pieces of older output that are gone before it. */
export const LogRow = z.object({
  instance: z.string(),
  line: z.string(),
  dropped: z.int().optional(),
});
export type LogRow = z.infer<typeof LogRow>;

/** What a failed request is answered, and what `mesh -o json` prints for one. */
export const FailureAnswer = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
    retryable: z.boolean().optional(),
  }),
});
export type FailureAnswer = z.infer<typeof FailureAnswer>;

/** What a command that only did something prints: `up --detach`, `down`. */
export const Done = z.object({ message: z.string() });
export type Done = z.infer<typeof Done>;

/** What `mesh join` prints: as whom this machine is in which mesh, and where its main node is. */
export const JoinResult = z.object({
  node: NodeName,
  mesh: MeshId.optional(),
  /** `HOST:PORT` of the control plane, tried in turn. */
  addresses: z.array(z.string()),
  /** Of this node's key. */
  fingerprint: z.string(),
});
export type JoinResult = z.infer<typeof JoinResult>;

/** `GET /health`. */
export const HealthReport = z.object({
  status: z.enum(['ok', 'degraded', 'failed']),
  timestamp: z.string(),
  checks: z.array(z.object({ name: z.string(), healthy: z.boolean(), message: z.string() })),
});
export type HealthReport = z.infer<typeof HealthReport>;
