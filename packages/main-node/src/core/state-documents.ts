import {
  AgentName,
  Epoch,
  FleetName,
  InstanceId,
  MeshError,
  MeshId,
  NodeName,
  parseFleet,
  PublicKey,
  type StoreDocument,
  type StoreSnapshot,
} from '@meshwork/shared';
import { z } from 'zod';
import type {
  FleetRecord,
  InstanceRecord,
  InviteRecord,
  MeshState,
  NodeRecord,
} from './mesh-state.ts';

/** Collections that the main node keeps in the store. */
export const stateCollections = ['mesh', 'fleets', 'instances', 'nodes', 'invites'] as const;

/** What is stored of each kind of thing. Fields are only added, as optional: the release before this one reads them too. */
const Stored = {
  identity: z.object({ mesh: MeshId }),
  reigns: z.object({ reigns: z.array(z.object({ term: z.int(), fromRevision: z.int() })) }),
  config: z.object({ values: z.record(z.string(), z.unknown()) }),
  fleet: z.object({ name: FleetName, document: z.unknown(), revision: z.int() }),
  instance: z.object({
    instance: InstanceId,
    agent: AgentName,
    fleet: FleetName,
    node: NodeName,
    epoch: Epoch,
    nonce: z.int(),
    desired: z.enum(['run', 'stop']),
    isAdopting: z.literal(true).optional(),
  }),
  node: z.object({
    name: NodeName,
    publicKey: PublicKey,
    admission: z.enum(['accepted', 'revoked', 'removed']),
    isLocal: z.boolean(),
    isCordoned: z.boolean(),
  }),
  invite: z.object({
    id: z.string(),
    secretHash: z.string(),
    node: NodeName.optional(),
    uses: z.int(),
    usedBy: z.array(PublicKey),
    expiresAtMs: z.number(),
  }),
} as const;

/** What the store holds; `mesh` is absent in an empty database. */
export type LoadedState = Omit<MeshState, 'mesh'> & { readonly mesh: MeshId | undefined };

/** Reads what {@link diffDocuments} wrote. Throws MESH_STORE_FORMAT naming the first document that cannot be read. */
export function fromSnapshot(snapshot: StoreSnapshot): LoadedState {
  const at = (collection: string): ReadonlyMap<string, unknown> =>
    snapshot.documents.get(collection) ?? new Map();
  const identity = at('mesh').get('identity');
  const reigns = at('mesh').get('reigns');
  const config = at('mesh').get('config');
  return {
    mesh:
      identity === undefined ? undefined : decode(Stored.identity, identity, 'mesh/identity').mesh,
    revision: snapshot.revision,
    reigns: reigns === undefined ? [] : decode(Stored.reigns, reigns, 'mesh/reigns').reigns,
    config: config === undefined ? {} : decode(Stored.config, config, 'mesh/config').values,
    fleets: decodeAll<FleetName, FleetRecord>('fleets', at('fleets'), (value, where) =>
      toFleet(decode(Stored.fleet, value, where), where),
    ),
    instances: decodeAll<InstanceId, InstanceRecord>('instances', at('instances'), (value, where) =>
      decode(Stored.instance, value, where),
    ),
    nodes: decodeAll<NodeName, NodeRecord>('nodes', at('nodes'), (value, where) =>
      decode(Stored.node, value, where),
    ),
    invites: decodeAll<string, InviteRecord>('invites', at('invites'), (value, where) =>
      decode(Stored.invite, value, where),
    ),
  };
}

/** The documents in which two states differ. Records are compared by identity: what was not replaced did not change. */
export function diffDocuments(
  before: LoadedState,
  after: MeshState,
): {
  readonly set: readonly StoreDocument[];
  readonly delete: readonly { readonly collection: string; readonly key: string }[];
} {
  const set: StoreDocument[] = [];
  const gone: { collection: string; key: string }[] = [];
  if (before.mesh !== after.mesh)
    set.push({ collection: 'mesh', key: 'identity', value: { mesh: after.mesh } });
  if (before.reigns !== after.reigns)
    set.push({ collection: 'mesh', key: 'reigns', value: { reigns: after.reigns } });
  if (before.config !== after.config)
    set.push({ collection: 'mesh', key: 'config', value: { values: after.config } });
  const compare = <Value>(
    collection: string,
    old: ReadonlyMap<string, Value>,
    now: ReadonlyMap<string, Value>,
    encode: (value: Value) => unknown,
  ): void => {
    if (old === now) return;
    for (const [key, value] of now)
      if (old.get(key) !== value) set.push({ collection, key, value: encode(value) });
    for (const key of old.keys()) if (!now.has(key)) gone.push({ collection, key });
  };
  compare('fleets', before.fleets, after.fleets, ({ name, document, revision }) => ({
    name,
    document,
    revision,
  }));
  compare('instances', before.instances, after.instances, (record) => record);
  compare('nodes', before.nodes, after.nodes, (record) => record);
  compare('invites', before.invites, after.invites, (record) => record);
  return { set, delete: gone };
}

function toFleet(stored: z.infer<typeof Stored.fleet>, where: string): FleetRecord {
  // Stored documents have `${fleet.dir}` replaced already.
  const parsed = parseFleet(stored.document, { fleetDir: '' });
  if (parsed.ok) return { ...stored, agents: parsed.fleet.agents };
  const [first] = parsed.problems;
  throw unreadable(where, `${first?.path.join('.')}: ${first?.reason}`);
}

function decodeAll<Key extends string, Value>(
  collection: string,
  stored: ReadonlyMap<string, unknown>,
  read: (value: unknown, where: string) => Value,
): ReadonlyMap<Key, Value> {
  // The keys are the ones that `diffDocuments` took from such a map.
  return new Map(
    [...stored].map(([key, value]) => [key as Key, read(value, `${collection}/${key}`)]),
  );
}

function decode<S extends z.ZodType>(schema: S, value: unknown, where: string): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw unreadable(where, z.prettifyError(parsed.error));
}

function unreadable(where: string, reason: string): MeshError {
  return new MeshError(
    'MESH_STORE_FORMAT',
    `cannot read ${where} from the store: ${reason}; start the release that wrote it, or restore a backup`,
    { details: { document: where, reason } },
  );
}
