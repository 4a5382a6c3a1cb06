import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

const usualPlaces: readonly string[] = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];

/**
 * Finds the python3 that agents are started with, as an absolute path; undefined where there is none.
 *
 * The distribution's own comes before what PATH says first: that may be a version manager's wrapper,
 * which takes ten times as long to start.
 */
export async function findPython(
  path: string | undefined,
  places: readonly string[] = usualPlaces,
): Promise<string | undefined> {
  for (const folder of [...places, ...(path ?? '').split(delimiter)]) {
    if (folder === '') continue;
    const file = join(folder, 'python3');
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
