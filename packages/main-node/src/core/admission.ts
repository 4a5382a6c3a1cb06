/*
 * Invariant (P6): a node's name belongs to one key for ever, also after it was removed; only `rekey` moves it, on purpose and
 * recorded. A key has one name.
 */
import { MeshError, type NodeName, type PublicKey } from '@meshwork/shared';
import type { Transition } from './apply-plan.ts';
import { withEntry, type InviteRecord, type MeshState, type NodeRecord } from './mesh-state.ts';
import type { EventBody } from './new-event.ts';

/** A key that wants to be the node of this name. `fingerprint` is what people compare. */
export interface Applicant {
  readonly node: NodeName;
  readonly publicKey: PublicKey;
  readonly fingerprint: string;
}

/** Join tokens that may be open at a time. */
export const maxInvites = 256;
/** Nodes, removed ones included, that a mesh remembers. */
const maxNodes = 10_000;

/**
 * Lets a key in under a name. Accepting the same again changes nothing.
 *
 * Throws MESH_NODE_EXISTS when the name belongs to another key or the key to another name, MESH_JOIN_REFUSED when it was
 * revoked, MESH_BUSY at the bound.
 */
export function acceptKey(
  state: MeshState,
  { node, publicKey, fingerprint }: Applicant,
  options: { readonly isLocal: boolean },
): Transition {
  refuseOtherName(state, node, publicKey);
  const known = state.nodes.get(node);
  if (known !== undefined && known.publicKey !== publicKey) throw nameTaken(node, known);
  if (known?.admission === 'revoked') {
    throw new MeshError(
      'MESH_JOIN_REFUSED',
      `node ${node} was revoked; mesh node re-key ${node} lets a new key in under its name`,
      { details: { node } },
    );
  }
  if (known?.admission === 'accepted') return { state, events: [] };
  if (known === undefined && state.nodes.size >= maxNodes) {
    throw new MeshError('MESH_BUSY', `cannot accept ${node}: a mesh has at most ${maxNodes} nodes`);
  }
  const record: NodeRecord = {
    name: node,
    publicKey,
    admission: 'accepted',
    isLocal: options.isLocal || known?.isLocal === true,
    isCordoned: false,
  };
  return {
    state: { ...state, nodes: withEntry(state.nodes, node, record) },
    events: [
      { kind: 'node.joined', node, fingerprint },
      admissionEvent(node, known?.admission, 'accepted', fingerprint),
    ],
  };
}

/** Moves a name to another key. Throws MESH_NODE_UNKNOWN, MESH_NODE_EXISTS when that key has another name. */
export function rekeyNode(
  state: MeshState,
  { node, publicKey, fingerprint }: Applicant,
): Transition {
  const known = getNode(state, node);
  refuseOtherName(state, node, publicKey);
  if (known.publicKey === publicKey && known.admission === 'accepted') return { state, events: [] };
  const record: NodeRecord = { ...known, publicKey, admission: 'accepted' };
  return {
    state: { ...state, nodes: withEntry(state.nodes, node, record) },
    events: [admissionEvent(node, `${known.admission}, another key`, 'accepted', fingerprint)],
  };
}

/** Takes the right to connect from a key. Its instances keep their places, so that `status` says what is missing. */
export function revokeNode(state: MeshState, node: NodeName): Transition {
  return setAdmission(state, getNode(state, node), 'revoked');
}

/**
 * Takes an empty node out of the mesh; the name stays with its key.
 *
 * Throws MESH_NODE_UNKNOWN, MESH_NODE_NOT_EMPTY.
 */
export function removeNode(state: MeshState, node: NodeName): Transition {
  const known = getNode(state, node);
  const placed = [...state.instances.values()].filter((record) => record.node === node);
  if (placed.length > 0 && known.admission === 'accepted') {
    throw new MeshError(
      'MESH_NODE_NOT_EMPTY',
      `cannot remove ${node}: ${placed.length} instances are placed on it (${placed
        .slice(0, 5)
        .map(({ instance }) => instance)
        .join(
          ', ',
        )}${placed.length > 5 ? ', ...' : ''}); apply fleets that place them elsewhere first`,
      { details: { node, instances: placed.map(({ instance }) => instance) } },
    );
  }
  return setAdmission(state, known, 'removed');
}

/** Lets a node take nothing new, or lets it again. */
export function cordonNode(state: MeshState, node: NodeName, isCordoned: boolean): Transition {
  const known = getNode(state, node);
  if (known.isCordoned === isCordoned) return { state, events: [] };
  const words = (is: boolean): string => (is ? 'cordoned' : 'open');
  return {
    state: { ...state, nodes: withEntry(state.nodes, node, { ...known, isCordoned }) },
    events: [
      {
        kind: 'node.admission',
        node,
        before: words(known.isCordoned),
        after: words(isCordoned),
      },
    ],
  };
}

/** A node that is in this mesh, or was revoked. Throws MESH_NODE_UNKNOWN. */
export function getNode(state: MeshState, name: string): NodeRecord {
  const known = [...state.nodes.values()].find((record) => record.name === name);
  if (known !== undefined && known.admission !== 'removed') return known;
  const names = [...state.nodes.values()]
    .filter(({ admission }) => admission !== 'removed')
    .map((record) => record.name);
  const hint = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  throw new MeshError('MESH_NODE_UNKNOWN', `no node ${name} is in this mesh; ${hint}`, {
    details: { node: name },
  });
}

/** Keeps a new token, and forgets those that ended. Throws MESH_BUSY at the bound. */
export function addInvite(state: MeshState, invite: InviteRecord, nowMs: number): Transition {
  const invites = new Map([...state.invites].filter(([, one]) => one.expiresAtMs > nowMs));
  if (invites.size >= maxInvites) {
    throw new MeshError('MESH_BUSY', `${maxInvites} join tokens are open already; none was made`);
  }
  return { state: { ...state, invites: invites.set(invite.id, invite) }, events: [] };
}

/**
 * Lets in the key that shows a token. The same key may show it again until it expires.
 *
 * `nowMs` is wall clock. Throws MESH_JOIN_REFUSED (wrong, expired, used up, for another name) and what accepting throws.
 */
export function spendInvite(
  state: MeshState,
  applicant: Applicant,
  shown: { readonly id: string; readonly secretHash: string },
  nowMs: number,
): Transition {
  const invite = state.invites.get(shown.id);
  const refuse = (reason: string): MeshError =>
    new MeshError('MESH_JOIN_REFUSED', `cannot join as ${applicant.node}: the token ${reason}`, {
      details: { node: applicant.node, reason },
    });
  if (invite === undefined || invite.secretHash !== shown.secretHash)
    throw refuse('is wrong, or was made by another mesh');
  if (invite.expiresAtMs <= nowMs) throw refuse('has expired');
  if (invite.node !== undefined && invite.node !== applicant.node)
    throw refuse(`is for a node named ${invite.node}`);
  const isRepeat = invite.usedBy.includes(applicant.publicKey);
  if (!isRepeat && invite.usedBy.length >= invite.uses) throw refuse('is used up');
  const accepted = acceptKey(state, applicant, { isLocal: false });
  if (isRepeat) return accepted;
  const spent = { ...invite, usedBy: [...invite.usedBy, applicant.publicKey] };
  return {
    ...accepted,
    state: { ...accepted.state, invites: withEntry(state.invites, invite.id, spent) },
  };
}

function setAdmission(
  state: MeshState,
  known: NodeRecord,
  admission: NodeRecord['admission'],
): Transition {
  if (known.admission === admission) return { state, events: [] };
  const record = { ...known, admission };
  return {
    state: { ...state, nodes: withEntry(state.nodes, known.name, record) },
    events: [admissionEvent(known.name, known.admission, admission)],
  };
}

function refuseOtherName(state: MeshState, node: NodeName, publicKey: PublicKey): void {
  const other = [...state.nodes.values()].find(
    (record) => record.publicKey === publicKey && record.name !== node,
  );
  if (other === undefined) return;
  throw new MeshError(
    'MESH_NODE_EXISTS',
    `cannot accept ${node}: its key is the one of node ${other.name}; a copied data directory needs a key of its own`,
    { details: { node, holder: other.name } },
  );
}

function nameTaken(node: NodeName, known: NodeRecord): MeshError {
  return new MeshError(
    'MESH_NODE_EXISTS',
    `the name ${node} belongs to another key (${known.admission}); mesh node re-key ${node} moves it on purpose`,
    { details: { node, admission: known.admission } },
  );
}

function admissionEvent(
  node: NodeName,
  before: string | undefined,
  after: string,
  fingerprint?: string,
): EventBody {
  return {
    kind: 'node.admission',
    node,
    ...(before === undefined ? {} : { before }),
    after,
    ...(fingerprint === undefined ? {} : { fingerprint }),
  };
}
