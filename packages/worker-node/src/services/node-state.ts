import { Incarnation, Term } from '@meshwork/shared';
import { z } from 'zod';
import type { Document } from './desired-store.ts';

/** What a node remembers of itself. */
export const NodeStateDocument = z.object({ incarnation: Incarnation, highestTerm: Term });
export type NodeStateDocument = z.infer<typeof NodeStateDocument>;

/** A node's incarnation and the highest term it ever saw. */
export interface NodeState {
  readonly incarnation: Incarnation;
  readonly highestTerm: Term;
  /** Raises the incarnation over `atLeast`; resolves, once it is on disk, with the new one. */
  raise(atLeast?: Incarnation): Promise<Incarnation>;
  /** Keeps a higher term on disk; a lower one changes nothing. */
  sawTerm(term: Term): Promise<void>;
}

/**
 * Loads a node's memory of itself, and raises its incarnation: this is a new start.
 *
 * Rejects when the file is damaged: a node that forgot its number could be taken for one that is dead.
 */
export async function openNodeState(file: Document<NodeStateDocument>): Promise<NodeState> {
  let state = (await file.read()) ?? { incarnation: 0, highestTerm: 0 };
  let last: Promise<unknown> = Promise.resolve();

  function change(next: (from: NodeStateDocument) => NodeStateDocument): Promise<void> {
    const changed = last.then(async () => {
      const to = next(state);
      if (to === state) return;
      await file.write(to);
      state = to;
    });
    last = changed.catch(() => {});
    return changed;
  }

  const opened: NodeState = {
    get incarnation() {
      return state.incarnation;
    },
    get highestTerm() {
      return state.highestTerm;
    },
    async raise(atLeast = 0) {
      await change((from) => ({ ...from, incarnation: Math.max(from.incarnation, atLeast) + 1 }));
      return state.incarnation;
    },
    sawTerm: (term) =>
      change((from) => (term > from.highestTerm ? { ...from, highestTerm: term } : from)),
  };
  await opened.raise();
  return opened;
}
