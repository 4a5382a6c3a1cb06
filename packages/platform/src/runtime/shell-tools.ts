import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MeshError } from '@meshwork/shared';

/** The programs that shims and pumps consist of, as absolute paths: an agent's PATH must not choose them. */
export interface ShellTools {
  readonly sh: string;
  readonly setsid: string;
  readonly head: string;
  readonly rm: string;
  readonly wc: string;
  readonly dd: string;
  /** Empty where it is missing: then what a full disk dropped is counted a little short. */
  readonly fallocate: string;
  /** Empty where it is missing: then no other user than the daemon's own can be switched to. */
  readonly setpriv: string;
  readonly sleep: string;
  readonly test: string;
}

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];
/** Some systems keep GNU's tools under another name beside a rewrite. */
const HEADS = ['gnuhead', 'head'];

/**
 * Finds the tools and proves the one property that no byte may depend on by faith: that `head -c` reads no further than it
 * was told, so that the next one goes on where it ended.
 *
 * Throws MESH_SPAWN_FAILED naming what is missing or unfit and the package that has it.
 */
export async function findShellTools(signal: AbortSignal): Promise<ShellTools> {
  const tools: ShellTools = {
    // dash takes half of bash's memory, and a shell stands beside every program.
    sh: find('dash') || required('sh', 'dash'),
    setsid: required('setsid', 'util-linux'),
    head: required(HEADS.find((name) => find(name) !== '') ?? 'head', 'coreutils'),
    rm: required('rm', 'coreutils'),
    wc: required('wc', 'coreutils'),
    dd: required('dd', 'coreutils'),
    sleep: required('sleep', 'coreutils'),
    test: required('test', 'coreutils'),
    fallocate: find('fallocate'),
    setpriv: find('setpriv'),
  };
  const script = 'printf 123456 | { "$1" -c 3; printf /; "$1" -c 9; }';
  const { stdout } = await promisify(execFile)(tools.sh, ['-c', script, 'sh', tools.head], {
    signal,
    env: {},
  });
  if (stdout === '123/456') return tools;
  throw new MeshError(
    'MESH_SPAWN_FAILED',
    `cannot start programs: ${tools.head} reads more than it is told, output would be lost; install GNU coreutils`,
    { details: { tool: tools.head } },
  );
}

function required(name: string, source: string): string {
  const path = find(name);
  if (path !== '') return path;
  throw new MeshError(
    'MESH_SPAWN_FAILED',
    `cannot start programs: ${name} is not in ${FOLDERS.join(', ')}; install ${source}`,
    { details: { tool: name } },
  );
}

function find(name: string): string {
  for (const folder of FOLDERS) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Looked for in the next one.
    }
  }
  return '';
}
