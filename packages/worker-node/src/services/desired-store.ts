import {
  AgentSpec,
  AssignedInstance,
  MeshError,
  MeshId,
  type NodePeers,
  Revision,
  Term,
  type Clock,
} from '@meshwork/shared';
import { z } from 'zod';
import { nothingDesired, type DesiredState } from '../core/reconcile.ts';

const Assigned = AssignedInstance.extend({ spec: AgentSpec });

/** What is on disk of what a node was told. */
export const DesiredDocument = z.object({
  mesh: MeshId.optional(),
  term: Term,
  revision: Revision,
  highestTerm: Term,
  claimed: z.array(Assigned),
  unclaimed: z.array(Assigned),
  leaving: z.array(Assigned),
  /** Wall clock: when a main node last said that this is what it wants. */
  confirmedAtMs: z.number(),
});
export type DesiredDocument = z.infer<typeof DesiredDocument>;

/** One durable document, as `createStateFile` makes it. */
export interface Document<T> {
  read(): Promise<T | undefined>;
  write(data: T): Promise<void>;
}

/** What a node finds of its orders when it starts. */
export interface FoundOrders {
  readonly desired: DesiredState;
  readonly peers: NodePeers;
  /** Why nothing is started until a main node is heard; absent: everything is. */
  readonly hold?: string;
}

/** A main node that is heard daily keeps its orders young; the disk need not know more precisely. */
const CONFIRM_EVERY_MS = 3_600_000;

/** Keeps what a node was told on its disk. */
export interface DesiredStore {
  load(): Promise<FoundOrders>;
  /** Resolves when it is on disk. */
  save(desired: DesiredState): Promise<void>;
  /** The main node wants what is kept; written at most once an hour. */
  confirm(desired: DesiredState): Promise<void>;
  savePeers(peers: NodePeers): Promise<void>;
}

/** Orders on disk. A torn or old document starts nothing (DESIGN, "Alone"); what runs is looked after all the same. */
export function createDesiredStore(
  files: { readonly desired: Document<DesiredDocument>; readonly peers: Document<NodePeers> },
  options: { readonly maxAgeMs: number; readonly highestTerm: Term },
  clock: Pick<Clock, 'now'>,
): DesiredStore {
  let confirmedAtMs = -Infinity;

  async function save(desired: DesiredState): Promise<void> {
    confirmedAtMs = clock.now();
    const { claimed, unclaimed, leaving, ...rest } = desired;
    const lists = { claimed: [...claimed], unclaimed: [...unclaimed], leaving: [...leaving] };
    await files.desired.write({ ...rest, ...lists, confirmedAtMs });
  }

  return {
    async load() {
      const peers = forgetReadiness(await files.peers.read().catch(ignoreTorn));
      const nothing = { ...nothingDesired, highestTerm: options.highestTerm };
      try {
        const found = await files.desired.read();
        if (found === undefined) return { desired: nothing, peers };
        confirmedAtMs = found.confirmedAtMs;
        const highestTerm = Math.max(found.highestTerm, options.highestTerm);
        const desired = { ...found, highestTerm };
        const ageMs = clock.now() - confirmedAtMs;
        if (ageMs <= options.maxAgeMs) return { desired, peers };
        const days = Math.floor(ageMs / 86_400_000);
        return { desired, peers, hold: `what the node was told is ${days} days old` };
      } catch (error) {
        if (!isTorn(error)) throw error;
        return { desired: nothing, peers, hold: `what the node was told is damaged on its disk` };
      }
    },
    save,
    async confirm(desired) {
      if (clock.now() - confirmedAtMs >= CONFIRM_EVERY_MS) await save(desired);
    },
    savePeers: (peers) => files.peers.write(peers),
  };
}

/** Where agents elsewhere were is still the best guess; that they serve is no more known, least of all after a reboot. */
function forgetReadiness(known: NodePeers | undefined): NodePeers {
  return { agents: (known?.agents ?? []).map((agent) => ({ ...agent, ready: false })) };
}

function isTorn(error: unknown): boolean {
  return error instanceof MeshError && error.code === 'MESH_STATE_TORN';
}

function ignoreTorn(error: unknown): undefined {
  if (!isTorn(error)) throw error;
}
