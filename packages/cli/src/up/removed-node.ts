import { join } from 'node:path';
import { createStateFile } from '@meshwork/platform';
import { MeshError, RemovedNode } from '@meshwork/shared';

/** Where a worker node says that it was taken out of its mesh; while it is there, nobody starts it. */
export function removedFile(nodeDir: string): string {
  return join(nodeDir, 'removed.json');
}

/** Why a node may not be started, with what lets it in again; undefined for one that may. */
export async function findRemoval(node: string, nodeDir: string): Promise<MeshError | undefined> {
  const path = removedFile(nodeDir);
  const file = createStateFile({ path, format: 'mesh-removed', version: 1, schema: RemovedNode });
  const removed = await file.read();
  if (removed === undefined) return undefined;
  const when = new Date(removed.atMs).toISOString();
  const remedy =
    removed.why === 'removed'
      ? 'mesh join lets it in again'
      : `mesh node re-key ${node} on the Main PC, for a key that mesh join brings, lets it in again`;
  return new MeshError(
    'MESH_NODE_REMOVED',
    `node ${node} was ${removed.why} at ${when}; ${remedy}`,
  );
}
