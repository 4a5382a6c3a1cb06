import { z } from 'zod';

const name = /^[a-z][a-z0-9-]{0,62}$/;

/** Name of a node: what people type, what logs and labels carry. */
export const NodeName = z
  .string()
  .regex(name, 'a name is a-z, then a-z 0-9 -, at most 63')
  .brand<'NodeName'>();
export type NodeName = z.infer<typeof NodeName>;

/** Name of an agent, unique in its mesh. */
export const AgentName = z
  .string()
  .regex(name, 'a name is a-z, then a-z 0-9 -, at most 63')
  .brand<'AgentName'>();
export type AgentName = z.infer<typeof AgentName>;

/** Name of a fleet: one file of agents that is applied as a whole. */
export const FleetName = z
  .string()
  .regex(name, 'a name is a-z, then a-z 0-9 -, at most 63')
  .brand<'FleetName'>();
export type FleetName = z.infer<typeof FleetName>;

/** Name of a start group. */
export const GroupName = z
  .string()
  .regex(name, 'a name is a-z, then a-z 0-9 -, at most 63')
  .brand<'GroupName'>();
export type GroupName = z.infer<typeof GroupName>;

/** One copy of an agent: `AGENT.ORDINAL`, stable over restarts and moves; `librarian.0`. */
export const InstanceId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}\.[0-9]{1,4}$/)
  .brand<'InstanceId'>();
export type InstanceId = z.infer<typeof InstanceId>;

/** Identity of a mesh, minted once when its main node first starts; 32 hex digits. */
export const MeshId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .brand<'MeshId'>();
export type MeshId = z.infer<typeof MeshId>;

/**
 * Number of a main node's reign: highest stored or reported, plus one, at each start.
 * Nodes keep the highest on disk and refuse lower ones.
 */
export const Term = z.int().nonnegative();
export type Term = z.infer<typeof Term>;

/** Counts changes of one mesh's desired state; rises with each. */
export const Revision = z.int().nonnegative();
export type Revision = z.infer<typeof Revision>;

/** `TERM.COUNTER`: raised each time an instance is placed, never repeated. */
export const Epoch = z
  .string()
  .regex(/^\d+\.\d+$/)
  .brand<'Epoch'>();
export type Epoch = z.infer<typeof Epoch>;

/** A number on a node's disk, raised at each start and each time the node learns that it was called dead. */
export const Incarnation = z.int().nonnegative();
export type Incarnation = z.infer<typeof Incarnation>;

/** A Curve25519 public key, Z85, 40 characters, as ZeroMQ prints it. */
export const PublicKey = z.string().length(40).brand<'PublicKey'>();
export type PublicKey = z.infer<typeof PublicKey>;

/** The instance id of one copy of an agent. */
export function toInstanceId(agent: AgentName, ordinal: number): InstanceId {
  return InstanceId.parse(`${agent}.${ordinal}`);
}

/** Orders epochs by term, then by counter: negative when `a` is the earlier one. */
export function compareEpochs(a: Epoch, b: Epoch): number {
  const [aTerm = 0, aCounter = 0] = a.split('.').map(Number);
  const [bTerm = 0, bCounter = 0] = b.split('.').map(Number);
  return aTerm - bTerm || aCounter - bCounter;
}
