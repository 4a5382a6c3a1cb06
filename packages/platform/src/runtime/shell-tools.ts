import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MeshError } from '@meshwork/shared';

/** The programs that shims and pumps consist of, as absolute paths: an agent's PATH must not choose them. */
export interface ShellTools {
  readonly sh: string;
  readonly setsid: string;
  readonly rm: string;
  readonly wc: string;
  readonly dd: string;
  /** Empty where it is missing: then what a full disk dropped is counted a little short. */
  readonly fallocate: string;
  /** Empty where it is missing: then no other user than the daemon's own can be switched to. */
  readonly setpriv: string;
  readonly sleep: string;
  /** Empty where it cannot undo that signals are ignored. */
  readonly env: string;
  /** Whether the shell says a word when a signal ends its child, so that an exit code of 143 can be told from SIGTERM. */
  readonly isShellOutspoken: boolean;
}

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];
/** Some systems keep GNU's tools under another name beside a rewrite. */
const COPIERS = ['gnudd', 'dd'];

/** Prints what two `dd` make of one pipe and how the first counts its reads; then what the shell says about a killed child. */
const PROBE = `
export LC_ALL=C
printf 123456 | {
  report=$("$1" bs=3 count=1 status=noxfer 2>&1 >&3)
  printf /
  "$1" bs=9 count=9 2>/dev/null
  printf /$((\${report%% *}))
} 3>&1
( exec "$2" -c 'kill -9 $$' )
exit 0
`;

/**
 * Finds the tools, and tries what cannot be known of them by name: that `dd` reads no further than it was told, so that the
 * next one goes on where it ended, and counts its reads; and what the shell says of a killed child (dash: a word, bash in a `-c` script: none).
 *
 * Throws MESH_SPAWN_FAILED naming what is missing or unfit and the package that has it.
 */
export async function findShellTools(options: {
  readonly shell: string | undefined;
  readonly signal: AbortSignal;
}): Promise<ShellTools> {
  const tools = {
    // dash takes half of bash's memory, and a shell stands beside every program.
    sh: options.shell ?? (find('dash') || required('sh', 'dash')),
    setsid: required('setsid', 'util-linux'),
    rm: required('rm', 'coreutils'),
    wc: required('wc', 'coreutils'),
    dd: required(COPIERS.find((name) => find(name) !== '') ?? 'dd', 'coreutils'),
    sleep: required('sleep', 'coreutils'),
    fallocate: find('fallocate'),
    setpriv: find('setpriv'),
    env: await findEnv(options.signal),
  };
  const heard = await probe(tools, options.signal);
  if (heard.stdout === '123/456/1') return { ...tools, isShellOutspoken: heard.stderr !== '' };
  throw new MeshError(
    'MESH_SPAWN_FAILED',
    `cannot start programs: ${tools.dd} reads more than it is told, output would be lost; install GNU coreutils`,
    { details: { tool: tools.dd } },
  );
}

async function probe(
  tools: Pick<ShellTools, 'sh' | 'dd'>,
  signal: AbortSignal,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const args = ['-c', 'eval "$MESH_SHIM"', 'sh', tools.dd, tools.sh];
  try {
    return await promisify(execFile)(tools.sh, args, { signal, env: { MESH_SHIM: PROBE } });
  } catch (error) {
    signal.throwIfAborted();
    const said = (error as { stderr?: string }).stderr ?? '';
    throw new MeshError('MESH_SPAWN_FAILED', `cannot start programs: ${tools.sh} fails: ${said}`, {
      details: { tool: tools.sh },
      cause: error,
    });
  }
}

/** `env --default-signal` came with coreutils 8.31. */
async function findEnv(signal: AbortSignal): Promise<string> {
  const path = find('env');
  if (path === '') return '';
  const works = promisify(execFile)(path, ['--default-signal=INT,QUIT', find('true')], { signal });
  return works.then(
    () => path,
    () => '',
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
