import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLock } from '@meshwork/platform';
import { MeshError } from '@meshwork/shared';
import { createApiClient, type ApiClient } from '../api-client.ts';
import type { MeshDir } from './find-mesh.ts';

/**
 * A client of the main node that works in this mesh directory.
 *
 * Throws `MESH_UNREACHABLE` when no main node runs there.
 */
export function connectToMesh(mesh: MeshDir): ApiClient {
  const holder = readLock(mesh.mainNode);
  const http = holder?.endpoints['http'];
  if (http?.host === undefined || http.port === undefined) {
    throw new MeshError('MESH_UNREACHABLE', `no main node runs in ${mesh.root}; mesh up starts it`);
  }
  return createApiClient({
    baseUrl: `http://${http.host}:${http.port}`,
    token: readFileSync(join(mesh.mainNode, 'api-token'), 'utf8').trim(),
  });
}
