import { MeshError, type Actor } from '@meshwork/shared';

/** Who asks, for the record; the server knows it on every route that is not public. */
export function requireActor(actor: Actor | undefined): Actor {
  if (actor === undefined) throw new MeshError('MESH_AUTH_REQUIRED', 'this needs a bearer token');
  return actor;
}
