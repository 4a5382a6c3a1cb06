import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MeshError } from '@meshwork/shared';

/** Where things lie in one mesh directory (`.mesh`). */
export interface MeshDir {
  readonly root: string;
  readonly mainNode: string;
  readonly nodes: string;
  readonly logs: string;
  readonly upLock: string;
  readonly settings: string;
}

/** The layout of a mesh directory; creates nothing. */
function meshDirAt(root: string): MeshDir {
  return {
    root,
    mainNode: join(root, 'main-node'),
    nodes: join(root, 'nodes'),
    logs: join(root, 'logs'),
    upLock: join(root, 'up.lock'),
    settings: join(root, 'mesh.json'),
  };
}

/** Where an installed mesh lives. */
const installedRoot = '/var/lib/meshwork';

/**
 * Finds the mesh that a command is about: `--dir`, `MESH_DIR`, the nearest `.mesh` upwards (then `.mesh/example` in it),
 * then the installed one. Throws `MESH_NOT_FOUND_HERE` with what was looked at.
 */
export function findMeshDir(from: {
  readonly cwd: string;
  readonly dirOption: string | undefined;
  readonly meshDirVariable: string | undefined;
}): MeshDir {
  const named = from.dirOption ?? from.meshDirVariable;
  if (named !== undefined) {
    const root = resolve(from.cwd, named);
    const found = [root, join(root, '.mesh'), join(root, '.mesh', 'example')].find(isMesh);
    if (found !== undefined) return meshDirAt(found);
    throw new MeshError(
      'MESH_NOT_FOUND_HERE',
      `there is no mesh in ${root}; mesh up --dir ${named} makes one`,
    );
  }
  for (let folder = from.cwd; ; folder = dirname(folder)) {
    const found = [join(folder, '.mesh'), join(folder, '.mesh', 'example')].find(isMesh);
    if (found !== undefined) return meshDirAt(found);
    if (dirname(folder) === folder) break;
  }
  if (isMesh(installedRoot)) return meshDirAt(installedRoot);
  throw new MeshError(
    'MESH_NOT_FOUND_HERE',
    `there is no mesh in ${from.cwd} or above; mesh up makes one here, --dir or MESH_DIR names another`,
  );
}

/** The directory that `up`, `join` and `start` work in: `--dir`, `MESH_DIR`, else `.mesh` here. It need not exist yet. */
export function meshDirToMake(
  from: {
    readonly cwd: string;
    readonly options: Readonly<Record<string, string | boolean | undefined>>;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
  under = '.mesh',
): MeshDir {
  const named = from.options['dir'] ?? from.env['MESH_DIR'];
  return meshDirAt(typeof named === 'string' ? resolve(from.cwd, named) : join(from.cwd, under));
}

function isMesh(root: string): boolean {
  return existsSync(join(root, 'mesh.json'));
}
