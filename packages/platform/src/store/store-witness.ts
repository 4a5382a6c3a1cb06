import { MeshError, type StoreIdentity } from '@meshwork/shared';
import { z } from 'zod';
import { createStateFile } from '../base/state-file.ts';

/** What this machine remembers of the store, on a disk of its own. */
export interface StoreWitness {
  /** What became of the store since it was last seen. */
  compare(found: Seen): Promise<StoreIdentity['history']>;
  /** Remembers what was seen. Writes one at a time and skips what a newer one overtook. */
  note(seen: Seen): Promise<void>;
}

/** How far a database was. */
export type Seen = Pick<StoreIdentity, 'databaseId' | 'revision' | 'term'>;

const Memory = z.object({ databaseId: z.string(), revision: z.int(), term: z.int() });

/** A witness that tells a restored, replaced or emptied database from the one that was here before. */
export function createStoreWitness(path: string): StoreWitness {
  const file = createStateFile<Seen>({
    path,
    format: 'mesh-store-witness',
    version: 1,
    schema: Memory,
  });
  let newest: Seen | undefined;
  let writing: Promise<void> | undefined;

  async function writeNewest(): Promise<void> {
    while (newest !== undefined) {
      const seen = newest;
      newest = undefined;
      await file.write(seen);
    }
  }

  return {
    async compare(found) {
      // A damaged memory is no memory; it is written anew.
      const last = await file.read().catch((error: unknown) => {
        if (error instanceof MeshError && error.code === 'MESH_STATE_TORN') return undefined;
        throw error;
      });
      if (last === undefined) return 'first';
      if (last.databaseId !== found.databaseId) return 'other';
      return found.revision < last.revision || found.term < last.term ? 'older' : 'same';
    },
    note(seen) {
      newest = { databaseId: seen.databaseId, revision: seen.revision, term: seen.term };
      writing ??= writeNewest().finally(() => (writing = undefined));
      return writing;
    },
  };
}
