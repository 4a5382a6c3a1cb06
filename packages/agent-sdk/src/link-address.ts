import { MeshError } from '@meshwork/shared';

/** Where an agent finds its node, and how it proves who it is. */
export interface LinkAddress {
  readonly endpoint: string;
  readonly token: string;
}

/** Reads MESH_LINK and MESH_TOKEN. Throws MESH_LINK_ABSENT when this program was not started by a mesh. */
export function readLinkAddress(env: Readonly<Record<string, string | undefined>>): LinkAddress {
  const endpoint = env['MESH_LINK'];
  const token = env['MESH_TOKEN'];
  if (endpoint !== undefined && endpoint !== '' && token !== undefined && token !== '')
    return { endpoint, token };
  throw new MeshError(
    'MESH_LINK_ABSENT',
    'cannot connect to a mesh: MESH_LINK and MESH_TOKEN are not set. A worker node sets them for the agents it starts; name this program in a fleet file and run `mesh apply`.',
  );
}
