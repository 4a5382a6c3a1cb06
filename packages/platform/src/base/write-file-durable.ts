import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces a file so that after a crash or a power cut it holds either the old or the new bytes, never a mix.
 *
 * Resolves when the new bytes are on the disk. `mode` defaults to 0600. Writes to one path at the same time are safe; the
 * last rename wins.
 */
export async function writeFileDurable(
  path: string,
  bytes: Uint8Array | string,
  mode = 0o600,
): Promise<void> {
  const dir = dirname(path);
  const temporary = join(
    dir,
    `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`,
  );
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dir);
}

/** Makes a rename, creation or removal in this folder survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const dir = await open(path, 'r');
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}
