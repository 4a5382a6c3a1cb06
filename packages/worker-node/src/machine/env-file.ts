import { open } from 'node:fs/promises';
import { MeshError } from '@meshwork/shared';
import { parseEnvFile } from '../core/env-file.ts';

/** Longest envFile, bytes. */
const MAX_BYTES = 65_536;

/**
 * Reads an agent's envFile, which must be closed to others (0600) and belong to its user, the daemon's or root.
 *
 * Throws MESH_ENV_FILE_MISSING with the cause; what stands in the file is in no message.
 */
export async function readEnvFile(
  path: string,
  owners: ReadonlySet<number>,
): Promise<Readonly<Record<string, string>>> {
  const refused = (reason: string): MeshError =>
    new MeshError('MESH_ENV_FILE_MISSING', `cannot use the envFile ${path}: ${reason}`, {
      details: { path, reason },
    });
  let text: string;
  try {
    await using file = await open(path, 'r');
    const status = await file.stat();
    if (!status.isFile()) throw refused('it is not a file');
    if ((status.mode & 0o077) !== 0) throw refused('others may read it; chmod 600 closes it');
    if (!owners.has(status.uid)) throw refused(`it belongs to somebody else (uid ${status.uid})`);
    if (status.size > MAX_BYTES) throw refused(`it is longer than ${MAX_BYTES} bytes`);
    text = await file.readFile('utf8');
  } catch (error) {
    if (error instanceof MeshError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw refused(code === 'ENOENT' ? 'it does not exist' : `it cannot be read (${code})`);
  }
  const { env, problems } = parseEnvFile(text);
  if (problems.length > 0) throw refused(problems.join('; '));
  return env;
}
