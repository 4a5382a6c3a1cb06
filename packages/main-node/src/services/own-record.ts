import { MeshId, Term } from '@meshwork/shared';
import { createStateFile, type StateFile } from '@meshwork/platform';
import { z } from 'zod';

/** What the main node keeps outside the store, so that an older or empty database makes neither another mesh nor an old term. */
const Kept = z.object({ mesh: MeshId, highestTerm: Term });

/** The record's file in the data directory. */
export type OwnRecord = StateFile<z.infer<typeof Kept>>;

/** Opens `DIR/mesh.json`. */
export function createOwnRecord(path: string): OwnRecord {
  return createStateFile({ path, format: 'mesh-main-node', version: 1, schema: Kept });
}
