import { createStateFile, type StateFile } from '@meshwork/platform/base';
import { NodeName } from '@meshwork/shared';
import { z } from 'zod';
import type { MeshDir } from './find-mesh.ts';

/** What `mesh up` starts in a mesh directory. */
export const MeshSettings = z.object({
  name: z.string(),
  /** Absent in a directory that only joined another PC's mesh. */
  hasMainNode: z.boolean(),
  nodes: z.array(z.object({ name: NodeName, vars: z.record(z.string(), z.string()) })),
});
export type MeshSettings = z.infer<typeof MeshSettings>;

/** The settings file of a mesh directory; it also marks the directory as one. */
export function settingsFile(mesh: MeshDir): StateFile<MeshSettings> {
  return createStateFile({ path: mesh.settings, format: 'mesh', version: 1, schema: MeshSettings });
}

/** A node name from a host's name: `My.PC_2` becomes `my-pc-2`. */
export function toNodeName(host: string): NodeName {
  const name = host
    .replace(/\..*$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replace(/^[^a-z]+/, '')
    .replace(/-+$/, '')
    .slice(0, 63);
  return NodeName.parse(name === '' ? 'this-pc' : name);
}
