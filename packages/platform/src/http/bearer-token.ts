import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { MeshError, type Random } from '@meshwork/shared';
import { writeFileDurable } from '../base/write-file-durable.ts';

/** Whether an `Authorization` header carries this token; takes the same time whatever is wrong with it. */
export function hasBearerToken(header: string | undefined, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(header ?? '')?.[1] ?? '';
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token)) && given !== '';
}

/**
 * The API token of a data folder: made at the first start, 32 random bytes, in a file only its owner can read.
 *
 * Throws MESH_FILE_UNREADABLE for an empty file, or one that others may read.
 */
export async function loadOrMintToken(path: string, random: Random): Promise<string> {
  const found = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) {
    const token = Buffer.from(random.bytes(32)).toString('base64url');
    await writeFileDurable(path, `${token}\n`);
    return token;
  }
  if (((await stat(path)).mode & 0o077) !== 0) {
    throw new MeshError(
      'MESH_FILE_UNREADABLE',
      `cannot trust the API token in ${path}: others may read it; chmod 600 it, or remove it to get a new one`,
    );
  }
  if (found.trim() === '')
    throw new MeshError(
      'MESH_FILE_UNREADABLE',
      `the API token in ${path} is empty; remove the file to get a new one`,
    );
  return found.trim();
}
