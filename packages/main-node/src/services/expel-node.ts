import {
  MeshError,
  NodeRemoved,
  type ActResult,
  type Actor,
  type Hub,
  type NodeName,
} from '@meshwork/shared';
import { removeNode, revokeNode } from '../core/admission.ts';
import type { Transition } from '../core/apply-plan.ts';
import type { MeshState, NodeRecord } from '../core/mesh-state.ts';
import type { StateKeeper } from './state-keeper.ts';

/** How long a node has to hear that it is out before it is cut off, ms; with the commit it stays within a second. */
const farewellMs = 700;

/** What taking a node out works with. `admit` takes its key off the list. */
export interface ExpelDeps {
  readonly keeper: Pick<StateKeeper, 'state' | 'change'>;
  readonly hub: Pick<Hub, 'request' | 'isBound'>;
  readonly actor: Actor;
  readonly admit: () => Promise<void>;
}

/**
 * Takes a node out: tells it, so that it stops its agents, and cuts it off, whether it heard or not. The answer says which.
 *
 * Throws MESH_NODE_SELF for the only own node of this machine, and what the change throws; nothing was told then.
 */
export async function expel(
  node: NodeRecord,
  why: 'removed' | 'revoked',
  deps: ExpelDeps,
): Promise<ActResult> {
  const { keeper } = deps;
  const { name } = node;
  refuseSelf(node, keeper.state);
  const decide = (state: MeshState): Transition =>
    why === 'revoked' ? revokeNode(state, name) : removeNode(state, name);
  decide(keeper.state);
  const heard = sayFarewell(name, why, deps.hub);
  const state = await keeper.change(deps.actor, (before) => {
    const next = decide(before);
    return { ...next, result: next.state };
  });
  const known = await heard;
  await deps.admit();
  return { revision: state.revision, message: `${why} ${name}; ${known}`, affected: [name] };
}

/** Tells a node that it is out while it can still hear it; says what is known of its agents. */
async function sayFarewell(
  node: NodeName,
  why: 'removed' | 'revoked',
  hub: ExpelDeps['hub'],
): Promise<string> {
  if (!hub.isBound(node, 'node')) return 'it is away and stops its agents when it hears of it';
  const outcome = await hub.request(node, NodeRemoved, { why }, { timeoutMs: farewellMs });
  if (outcome.status !== 'answered')
    return 'whether it heard of it is not known; its agents may run on';
  return `it heard of it and stops ${outcome.answer.stopping} agents`;
}

function refuseSelf({ name, isLocal }: NodeRecord, state: MeshState): void {
  const others = [...state.nodes.values()].filter(
    (one) => one.isLocal && one.admission === 'accepted' && one.name !== name,
  );
  if (!isLocal || others.length > 0) return;
  throw new MeshError(
    'MESH_NODE_SELF',
    `cannot take ${name} out of the mesh: it is the main node's own; mesh down stops both`,
    { details: { node: name } },
  );
}
