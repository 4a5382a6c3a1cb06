import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MeshError } from '@meshwork/shared';
import { MAX_SOCKET_PATH_BYTES } from './redis-config.ts';

/**
 * Path of the socket for a Redis in `dir`: inside it, or, where that is too long for the kernel, in a folder of its own under
 * `runtimeDir`. The same for the same `dir`, so that the next main node finds it.
 */
export function toSocketPath(dir: string, runtimeDir: string): string {
  const inside = join(resolve(dir), 'redis.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH_BYTES) return inside;
  const digest = createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 16);
  return join(runtimeDir, `meshwork-${process.getuid?.() ?? 0}-${digest}`, 'redis.sock');
}

/** Makes the socket's folder private, and refuses one of somebody else's: whoever owns it could pose as the store. */
export async function makeSocketDir(socketPath: string): Promise<void> {
  const dir = dirname(socketPath);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const found = await lstat(dir);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new MeshError(
      'MESH_CONFIG_INVALID',
      `cannot put the store's socket into ${dir}: it is not a folder of ours`,
      { details: { dir } },
    );
  }
  if ((found.mode & 0o077) !== 0) await chmod(dir, 0o700);
}
