import type {
  AgentName,
  AgentSpec,
  Epoch,
  FleetName,
  InstanceId,
  MeshId,
  NodeName,
  PublicKey,
  Revision,
} from '@meshwork/shared';

/** One applied fleet: the document as it is exported, and the agents it declares. */
export interface FleetRecord {
  readonly name: FleetName;
  readonly document: unknown;
  readonly agents: ReadonlyMap<AgentName, AgentSpec>;
  /** Revision of its last change. */
  readonly revision: Revision;
}

/** What one instance should be, and where. Its spec is the one of its fleet. */
export interface InstanceRecord {
  readonly instance: InstanceId;
  readonly agent: AgentName;
  readonly fleet: FleetName;
  readonly node: NodeName;
  readonly epoch: Epoch;
  /** Raised by each ordered restart. */
  readonly nonce: number;
  readonly desired: 'run' | 'stop';
  /** A person adopted it and its node has not claimed it yet. */
  readonly isAdopting?: true | undefined;
}

/** A name and the key it belongs to. `removed` keeps the name for that key (P6: never by deletion and return). */
export interface NodeRecord {
  readonly name: NodeName;
  readonly publicKey: PublicKey;
  readonly admission: 'accepted' | 'revoked' | 'removed';
  /** Started by `mesh up` on the main node's own machine. */
  readonly isLocal: boolean;
  readonly isCordoned: boolean;
}

/** A join token: only the hash of its secret is kept. */
export interface InviteRecord {
  readonly id: string;
  /** SHA-256 of the secret, hex. */
  readonly secretHash: string;
  readonly node?: NodeName | undefined;
  readonly uses: number;
  /** Keys that spent a use; the same key may repeat the token until it expires. */
  readonly usedBy: readonly PublicKey[];
  /** Wall clock, ms. */
  readonly expiresAtMs: number;
}

/** A stretch of revisions that one reign wrote; the next entry's `fromRevision` ends it. */
export interface Reign {
  readonly term: number;
  readonly fromRevision: Revision;
}

/** Everything durable that the main node decides by; read from memory, changed through one commit at a time. */
export interface MeshState {
  readonly mesh: MeshId;
  readonly revision: Revision;
  /** Oldest first; at most 64. */
  readonly reigns: readonly Reign[];
  readonly fleets: ReadonlyMap<FleetName, FleetRecord>;
  readonly instances: ReadonlyMap<InstanceId, InstanceRecord>;
  readonly nodes: ReadonlyMap<NodeName, NodeRecord>;
  readonly invites: ReadonlyMap<string, InviteRecord>;
  /** The main node's config at its last start, by key, secrets redacted: so that a change of it is an event. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A mesh without anything. */
export function emptyMeshState(mesh: MeshId): MeshState {
  return {
    mesh,
    revision: 0,
    reigns: [],
    fleets: new Map(),
    instances: new Map(),
    nodes: new Map(),
    invites: new Map(),
    config: {},
  };
}

/** The spec that an instance runs by; undefined when its fleet does not declare the agent (never after a commit). */
export function specOf(state: MeshState, record: InstanceRecord): AgentSpec | undefined {
  return state.fleets.get(record.fleet)?.agents.get(record.agent);
}

/** The instances of one agent, by ordinal. */
export function instancesOf(state: MeshState, agent: AgentName): readonly InstanceRecord[] {
  return [...state.instances.values()]
    .filter((record) => record.agent === agent)
    .toSorted((a, b) => ordinalOf(a.instance) - ordinalOf(b.instance));
}

/** The fleet that declares an agent. */
export function fleetOf(state: MeshState, agent: AgentName): FleetRecord | undefined {
  for (const fleet of state.fleets.values()) if (fleet.agents.has(agent)) return fleet;
  return undefined;
}

/** `librarian.3` is 3. */
export function ordinalOf(instance: InstanceId): number {
  return Number(instance.slice(instance.lastIndexOf('.') + 1));
}

/** A map with one entry set. */
export function withEntry<Key, Value>(
  map: ReadonlyMap<Key, Value>,
  key: Key,
  value: Value,
): ReadonlyMap<Key, Value> {
  return new Map(map).set(key, value);
}

/** A map without one entry. */
export function withoutEntry<Key, Value>(
  map: ReadonlyMap<Key, Value>,
  key: Key,
): ReadonlyMap<Key, Value> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}
