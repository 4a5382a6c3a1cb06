import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** An account of this machine, as its user database has it. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

const GETENT_TIMEOUT_MS = 5_000;

/** Looks an account up by name: in /etc/passwd, then wherever the system looks (`getent`); undefined when there is none. */
export async function findAccount(name: string): Promise<Account | undefined> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/.test(name)) return undefined;
  const local = pickAccount(await readFile('/etc/passwd', 'utf8'), name);
  if (local !== undefined) return local;
  try {
    const { stdout } = await promisify(execFile)('/usr/bin/getent', ['passwd', name], {
      timeout: GETENT_TIMEOUT_MS,
    });
    return pickAccount(stdout, name);
  } catch {
    // Not there, or a system without getent.
    return undefined;
  }
}

/** Finds one account in text of the form of /etc/passwd. */
export function pickAccount(passwd: string, name: string): Account | undefined {
  for (const line of passwd.split('\n')) {
    const [found, , uid, gid, , home] = line.split(':');
    if (found === name && uid !== undefined && gid !== undefined && home !== undefined) {
      return { name, uid: Number(uid), gid: Number(gid), home };
    }
  }
  return undefined;
}
