import type { MeshId, Revision, Term } from '@meshwork/shared';
import type { Reign } from './mesh-state.ts';

/** Reigns that are remembered; a node that obeyed an older one is treated as if it knew more than the records. */
const keptReigns = 64;

/** What a node obeyed last. */
export interface Obeyed {
  readonly mesh?: MeshId | undefined;
  readonly term: Term;
  readonly revision: Revision;
}

/** How a node's last assignment relates to the records. */
export type Standing =
  /** Written by a reign that the records know: what is absent from the next assignment is meant to stop. */
  | 'known'
  /** Of this mesh, but not in the records: the database is older than the node. Nothing may stop because of that. */
  | 'ahead'
  /** Never assigned, or by another mesh: the node itself keeps what it runs. */
  | 'foreign';

/** Adds the reign that begins now. */
export function beginReign(
  reigns: readonly Reign[],
  term: Term,
  fromRevision: Revision,
): readonly Reign[] {
  return [...reigns, { term, fromRevision }].slice(-keptReigns);
}

/**
 * Compares what a node obeyed with what the records say was ever written.
 *
 * A term that is not in the records, or a revision beyond the last one of its term, was written by a reign whose changes
 * the database has lost (an older or emptied database).
 */
export function standingOf(
  obeyed: Obeyed,
  records: {
    readonly mesh: MeshId;
    readonly revision: Revision;
    readonly reigns: readonly Reign[];
  },
): Standing {
  if (obeyed.mesh !== records.mesh) return 'foreign';
  const at = records.reigns.findIndex(({ term }) => term === obeyed.term);
  if (at < 0) return 'ahead';
  const last = records.reigns[at + 1]?.fromRevision ?? records.revision;
  return obeyed.revision <= last ? 'known' : 'ahead';
}
