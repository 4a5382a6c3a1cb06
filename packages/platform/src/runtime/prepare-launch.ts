import { execFile } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { MeshError, type LaunchSpec } from '@meshwork/shared';
import { findAccount, type Account } from './accounts.ts';
import type { ShellTools } from './shell-tools.ts';

/** What is launched, once every known cause of failure is excluded. */
export interface PreparedLaunch {
  /** Commands that each replace themselves by the next; the program is the last. */
  readonly chain: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** User id of the program where it is not the daemon's. */
  readonly uid?: number;
}

type Checked = Pick<LaunchSpec, 'argv' | 'cwd' | 'env' | 'user'>;

/** Where a program is looked up when the agent's environment has no PATH. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const OWN_VARIABLE = /^(?:MESH_SHIM.*|MESH_RUN_COOKIE)$/;
const ACCESS_TIMEOUT_MS = 5_000;

/** Looks for everything that would make a launch fail; changes nothing. Either all problems, or what to launch. */
export async function prepareLaunch(
  spec: Checked,
  tools: ShellTools,
): Promise<{ readonly problems: readonly MeshError[]; readonly launch: PreparedLaunch }> {
  const problems = checkEnvironment(spec.env);
  const cwdProblem = checkCwd(spec.cwd);
  if (cwdProblem !== undefined) problems.push(cwdProblem);
  const program = findProgram(spec);
  if (program instanceof MeshError) problems.push(program);
  const account = await pickAccount(spec.user, tools);
  if (account instanceof MeshError) problems.push(account);
  if (problems.length > 0 || program instanceof MeshError || account instanceof MeshError) {
    return { problems, launch: { chain: [], env: {} } };
  }
  const asUser = account === undefined ? [] : toSetpriv(account, tools);
  if (account !== undefined) problems.push(...(await checkAccess(spec, program, account, tools)));
  const accountEnv: Record<string, string> =
    account === undefined ? {} : { HOME: account.home, USER: account.name, LOGNAME: account.name };
  return {
    problems,
    launch: {
      // A session of its own keeps signals to a process group (`kill 0`) away from shim and pump.
      chain: [tools.setsid, ...asUser, program, ...spec.argv.slice(1)],
      env: { ...accountEnv, ...spec.env },
      ...(account === undefined ? {} : { uid: account.uid }),
    },
  };
}

function checkEnvironment(env: Readonly<Record<string, string>>): MeshError[] {
  return Object.entries(env).flatMap(([name, value]) => {
    let reason: string | undefined;
    if (!VARIABLE_NAME.test(name)) reason = 'a name is letters, digits and _';
    else if (OWN_VARIABLE.test(name)) reason = 'the mesh sets it itself';
    else if (value.includes('\0')) reason = 'its value holds a zero byte';
    if (reason === undefined) return [];
    return [
      new MeshError(
        'MESH_ENV_INVALID',
        `cannot set the variable ${JSON.stringify(name)}: ${reason}`,
        {
          details: { variable: name },
        },
      ),
    ];
  });
}

function checkCwd(cwd: string): MeshError | undefined {
  const status = statSync(cwd, { throwIfNoEntry: false });
  if (status?.isDirectory() === true) return undefined;
  const reason = status === undefined ? 'does not exist' : 'is not a folder';
  return new MeshError('MESH_CWD_MISSING', `the working directory ${cwd} ${reason}`, {
    details: { cwd },
  });
}

function findProgram(spec: Checked): string | MeshError {
  const name = spec.argv[0] ?? '';
  const path = spec.env['PATH'] ?? DEFAULT_PATH;
  // As execvp does: a slash means a path, an empty entry of PATH the working directory.
  const candidates =
    name === '' || name.includes('/')
      ? [resolve(spec.cwd, name)]
      : path.split(':').map((folder) => join(resolve(spec.cwd, folder), name));
  let denied: string | undefined;
  for (const candidate of candidates) {
    if (statSync(candidate, { throwIfNoEntry: false })?.isFile() !== true) continue;
    if (isExecutable(candidate)) return checkInterpreter(candidate);
    denied ??= candidate;
  }
  if (denied !== undefined) {
    return new MeshError(
      'MESH_EXEC_DENIED',
      `${denied} may not be executed; chmod +x makes it so`,
      {
        details: { path: denied },
      },
    );
  }
  const where = name.includes('/')
    ? `${candidates[0]} does not exist`
    : `${JSON.stringify(name)} is not in PATH (${path})`;
  return new MeshError('MESH_EXEC_MISSING', `the program was not found: ${where}`, {
    details: { program: name, path },
  });
}

/** A script whose `#!` names nothing fails only when it is executed, with a message that names the script itself. */
function checkInterpreter(path: string): string | MeshError {
  const interpreter = readInterpreter(path);
  if (interpreter === undefined || isExecutable(interpreter)) return path;
  return new MeshError(
    'MESH_EXEC_MISSING',
    `${path} wants the interpreter ${interpreter}, which is not there`,
    {
      details: { program: path, interpreter },
    },
  );
}

function readInterpreter(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    // Executable and not readable: a binary.
    return undefined;
  }
  try {
    const start = Buffer.alloc(256);
    const text = start.toString('latin1', 0, readSync(fd, start, 0, start.length, 0));
    return /^#![ \t]*([^\s]+)/.exec(text)?.[1];
  } finally {
    closeSync(fd);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The account to switch to; undefined when the program runs as the daemon does. */
async function pickAccount(
  user: string | undefined,
  tools: ShellTools,
): Promise<Account | MeshError | undefined> {
  if (user === undefined) return undefined;
  const account = await findAccount(user);
  const self = process.geteuid?.();
  if (account?.uid === self) return undefined;
  let reason: string | undefined;
  if (account === undefined) reason = 'there is no such account on this machine';
  else if (self !== 0) reason = 'only a node that runs as root can start programs as somebody else';
  else if (tools.setpriv === '') reason = 'setpriv of util-linux is missing';
  if (reason === undefined) return account;
  return new MeshError('MESH_USER_UNKNOWN', `cannot run a program as ${user}: ${reason}`, {
    details: { user },
  });
}

/** Unlike what Node does for `uid`, this gives the account its own supplementary groups and none of the daemon's. */
function toSetpriv(account: Account, tools: ShellTools): string[] {
  return [tools.setpriv, `--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups', '--'];
}

/** Says which of the two may not be used. Asked of the kernel, as that user: no rule of permissions is worked out here. */
const ACCESS_SCRIPT = '[ -x "$1" ] || echo cwd; [ -x "$2" ] || echo program';

async function checkAccess(
  spec: Checked,
  program: string,
  account: Account,
  tools: ShellTools,
): Promise<MeshError[]> {
  const [run = '', ...args] = toSetpriv(account, tools);
  const { stdout } = await promisify(execFile)(
    run,
    [...args, tools.sh, '-c', ACCESS_SCRIPT, 'sh', spec.cwd, program],
    { cwd: '/', env: {}, timeout: ACCESS_TIMEOUT_MS },
  );
  const details = { user: account.name };
  const problems: MeshError[] = [];
  if (stdout.includes('cwd\n')) {
    problems.push(
      new MeshError(
        'MESH_CWD_MISSING',
        `${account.name} may not enter the working directory ${spec.cwd}`,
        { details },
      ),
    );
  }
  if (stdout.includes('program\n')) {
    problems.push(
      new MeshError('MESH_EXEC_DENIED', `${account.name} may not execute ${program}`, { details }),
    );
  }
  return problems;
}
