import { execFile } from 'node:child_process';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Who listens on a TCP port of this machine. */
export interface PortHolder {
  readonly pid: number;
  /** Its command line, at most 200 characters. */
  readonly command: string;
}

/** State "listening" in /proc/net/tcp. */
const LISTENING = '0A';

/**
 * Finds the process that listens on `port`, on any address; undefined when nobody does, or when it may not be seen (another
 * user's process, another container's).
 */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  const pid = process.platform === 'linux' ? await findByProc(port) : await findByLsof(port);
  if (pid === undefined) return undefined;
  return { pid, command: await commandOf(pid) };
}

/** How to say it in a message: `pid 4711 (python3 server.py)`. */
export function describePortHolder(holder: PortHolder | undefined): string {
  return holder === undefined
    ? 'another process, which may not be seen from here'
    : `pid ${holder.pid} (${holder.command})`;
}

async function findByProc(port: number): Promise<number | undefined> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const lines = (await readFile(table, 'latin1').catch(() => '')).split('\n').slice(1);
    for (const line of lines) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state === LISTENING && Number.parseInt(local.split(':')[1] ?? '', 16) === port)
        inodes.add(`socket:[${inode}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of await readdir('/proc')) {
    if (/^\d+$/.test(pid) && (await holdsAny(pid, inodes))) return Number(pid);
  }
  return undefined;
}

async function holdsAny(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(
    names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')),
  );
  return links.some((link) => inodes.has(link));
}

async function commandOf(pid: number): Promise<string> {
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return words.split('\0').join(' ').trim().slice(0, 200) || 'unknown command';
}

async function findByLsof(port: number): Promise<number | undefined> {
  const run = promisify(execFile)('lsof', ['-nP', '-t', `-iTCP:${port}`, '-sTCP:LISTEN']);
  const { stdout } = await run.catch(() => ({ stdout: '' }));
  return Number.parseInt(stdout, 10) || undefined;
}
