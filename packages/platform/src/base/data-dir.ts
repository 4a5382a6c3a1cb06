import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MeshError } from '@meshwork/shared';
import { z } from 'zod';
import { createStateFile } from './state-file.ts';

/** A folder that belongs to one daemon. */
export interface DataDir {
  /** Absolute. */
  readonly path: string;
  /** Path of something inside it. */
  file(...names: readonly string[]): string;
}

/** Layout of data folders that this release writes. */
const DATA_DIR_VERSION = 1;

/**
 * Makes sure that `path` is a data folder of this kind (`main-node`, `worker-node`, `mesh`, ...), mode 0700.
 *
 * A new or empty folder becomes one. Throws MESH_CONFIG_INVALID for a folder that holds other things or another kind,
 * MESH_FORMAT_NEWER when a newer release laid it out, and what the file system says.
 */
export async function openDataDir(
  path: string,
  options: { readonly kind: string },
): Promise<DataDir> {
  const absolute = resolve(path);
  await mkdir(absolute, { recursive: true, mode: 0o700 });
  const marker = createStateFile({
    path: join(absolute, 'format.json'),
    format: 'mesh-data-dir',
    version: DATA_DIR_VERSION,
    schema: z.object({ kind: z.string() }),
  });
  const known = await marker.read();
  if (known === undefined) await claimEmpty(absolute);
  if (known !== undefined && known.kind !== options.kind) {
    throw refused(absolute, `it is the data folder of a ${known.kind}, not of a ${options.kind}`);
  }
  if (((await stat(absolute)).mode & 0o077) !== 0) await chmod(absolute, 0o700);
  if (known === undefined) await marker.write({ kind: options.kind });
  return { path: absolute, file: (...names) => join(absolute, ...names) };
}

/** A config that was put there first and a half-made marker of an earlier start do not count; anything else is somebody's. */
async function claimEmpty(path: string): Promise<void> {
  const names = (await readdir(path)).filter(
    (name) => !/^\.format\.json\..*\.tmp$|^config(\..+)?\.yaml$/.test(name),
  );
  if (names.length > 0)
    throw refused(
      path,
      `it is not empty (${names.slice(0, 3).join(', ')}) and was not made by this mesh`,
    );
}

function refused(path: string, reason: string): MeshError {
  return new MeshError(
    'MESH_CONFIG_INVALID',
    `cannot keep data in ${path}: ${reason}; name another folder`,
    {
      details: { path, reason },
    },
  );
}
