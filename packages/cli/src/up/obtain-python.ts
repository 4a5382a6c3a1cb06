import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchPackage, findFetched, userCacheDir, writeFileDurable } from '@meshwork/platform';
import { MeshError } from '@meshwork/shared';
import { findPython } from './find-python.ts';

/** Where to look, and whom to tell what takes time. */
export interface ObtainPythonOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress: (text: string) => void;
  readonly signal: AbortSignal;
  /** Default: where distributions put it. */
  readonly places?: readonly string[];
}

/**
 * The python3 that the example's agents run on: the machine's own, else the distribution's package, fetched once and unpacked
 * under the user's cache without root.
 *
 * Throws `MESH_PYTHON_MISSING` with the line to type.
 */
export async function obtainPython(options: ObtainPythonOptions): Promise<string> {
  const { env, onProgress, signal, places } = options;
  const found = await findPython(env['PATH'], places);
  if (found !== undefined) return found;
  const cacheDir = userCacheDir(env);
  try {
    const unpacked =
      (await findFetched(cacheDir, 'python3')) ??
      (await fetchPackage({ package: 'python3', cacheDir, env, onProgress, signal }));
    return await writeLauncher(unpacked.root, unpacked.libraryPath);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new MeshError(
      'MESH_PYTHON_MISSING',
      'the example needs python3, which this machine lacks and which could not be fetched; type: apt-get install python3 (Debian, Ubuntu), dnf install python3 (Fedora), brew install python3 (macOS)',
      { cause },
    );
  }
}

/** An unpacked interpreter looks for its library beside the system's: the launcher tells it where it is. */
async function writeLauncher(root: string, libraryPath: string): Promise<string> {
  const launcher = join(root, 'python3');
  const isThere = await access(launcher).then(
    () => true,
    () => false,
  );
  if (isThere) return launcher;
  const names = await readdir(join(root, 'usr', 'bin'));
  const interpreter = names.find((name) => /^python3\.\d+$/.test(name));
  if (interpreter === undefined) throw new Error(`no interpreter in ${root}/usr/bin`);
  const script = [
    '#!/bin/sh',
    `LD_LIBRARY_PATH='${libraryPath}' PYTHONHOME='${join(root, 'usr')}' exec '${join(root, 'usr', 'bin', interpreter)}' "$@"`,
    '',
  ];
  await writeFileDurable(launcher, script.join('\n'), 0o755);
  return launcher;
}
