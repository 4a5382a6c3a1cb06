import { MeshId, Term } from '@meshwork/shared';
import { createStateFile } from '@meshwork/platform';
import { z } from 'zod';
import type { OwnRecord } from '../services/state-keeper.ts';

/** Opens `DIR/mesh.json`. */
export function createOwnRecord(path: string): OwnRecord {
  const schema = z.object({ mesh: MeshId, highestTerm: Term });
  return createStateFile({ path, format: 'mesh-main-node', version: 1, schema });
}
