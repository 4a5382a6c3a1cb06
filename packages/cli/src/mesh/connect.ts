import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readLock } from '@meshwork/platform/base';
import { MeshError } from '@meshwork/shared';
import { createApiClient, type ApiClient } from '../api-client.ts';
import type { MeshDir } from './find-mesh.ts';
import { readJoinFile } from './join-file.ts';
import { settingsFile } from './settings.ts';

/**
 * A client of the main node that works in this mesh directory.
 *
 * Requests end with `signal`. Throws `MESH_UNREACHABLE` when no main node runs there, or it runs on another PC.
 */
export async function connectToMesh(mesh: MeshDir, signal?: AbortSignal): Promise<ApiClient> {
  const http = readLock(mesh.mainNode)?.endpoints['http'];
  if (http?.host === undefined || http.port === undefined) throw await explainAbsence(mesh);
  return createApiClient({
    baseUrl: `http://${http.host}:${http.port}`,
    ...(signal === undefined ? {} : { signal }),
    token: (await readFile(join(mesh.mainNode, 'api-token'), 'utf8')).trim(),
  });
}

async function explainAbsence(mesh: MeshDir): Promise<MeshError> {
  const settings = await settingsFile(mesh).read();
  const [node] = settings?.nodes ?? [];
  if (settings?.hasMainNode !== false || node === undefined)
    return new MeshError(
      'MESH_UNREACHABLE',
      `no main node runs in ${mesh.root}; mesh up starts it`,
    );
  const joined = await readJoinFile(mesh, node.name);
  if (joined === undefined) {
    return new MeshError(
      'MESH_UNREACHABLE',
      `node ${node.name} of ${mesh.root} has not joined yet; repeat the mesh join that was interrupted`,
    );
  }
  return new MeshError(
    'MESH_UNREACHABLE',
    `${mesh.root} is node ${node.name} of a mesh whose main node is on another PC (${joined.addresses.join(', ')}); type the command there`,
    { details: { node: node.name, addresses: joined.addresses } },
  );
}
