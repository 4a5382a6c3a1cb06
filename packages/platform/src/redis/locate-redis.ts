import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MeshError } from '@meshwork/shared';
import {
  fetchPackage,
  findFetched,
  type Environment,
  type FetchedPackage,
} from './fetch-packages.ts';

const run = promisify(execFile);

/** A Redis (or Valkey) server that runs on this machine. */
export interface RedisProgram {
  /** Absolute path, or a name that the PATH in `env` finds. */
  readonly command: string;
  /** What it must be started with; complete. */
  readonly env: Readonly<Record<string, string>>;
  /** `7.0.15` */
  readonly version: string;
  readonly origin: 'path' | 'fetched';
}

/** Where to look and what may be done. */
export interface LocateOptions {
  readonly env: Environment;
  /** Default: {@link userCacheDir}. */
  readonly cacheDir?: string;
  /** Whether the distribution's package may be downloaded where nothing is found. Default true. */
  readonly mayFetch?: boolean;
  readonly onProgress: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Oldest release with multi-part AOF, which the embedded store relies on. */
const OLDEST_MAJOR = 7;
const SERVERS = ['redis-server', 'valkey-server'] as const;

/** Where programs are kept that several meshes of one user share: `$XDG_CACHE_HOME/meshwork` or `~/.cache/meshwork`. */
export function userCacheDir(env: Environment): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'meshwork');
}

/**
 * Finds redis-server or valkey-server 7.0 or newer: on PATH, else fetched earlier, else the distribution's package, downloaded and
 * unpacked under the user's cache. Every candidate is run once before it is believed.
 *
 * Throws MESH_REDIS_MISSING with the line to type on this distribution.
 */
export async function locateRedis(options: LocateOptions): Promise<RedisProgram> {
  const { env, onProgress, signal, mayFetch = true, cacheDir = userCacheDir(env) } = options;
  const reasons: string[] = [];
  const onPath = { PATH: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };
  for (const server of SERVERS) {
    const version = await versionOf(server, onPath, reasons);
    if (version !== undefined) return { command: server, env: onPath, version, origin: 'path' };
  }
  for (const server of SERVERS) {
    const fetched = await findFetched(cacheDir, server);
    const program = fetched && (await toProgram(server, fetched, onPath, reasons));
    if (program !== undefined) return program;
    // Unpacked, but it does not run (any more): the system's libraries changed under it.
    if (fetched !== undefined) await rm(fetched.root, { recursive: true, force: true });
  }
  if (!mayFetch) throw await missing(reasons);
  for (const server of SERVERS) {
    onProgress(
      `no ${server} on this machine; getting the distribution's package, without installing it`,
    );
    try {
      const fetched = await fetchPackage({ package: server, cacheDir, env, onProgress, signal });
      const program = await toProgram(server, fetched, onPath, reasons);
      if (program !== undefined) return program;
    } catch (error) {
      signal.throwIfAborted();
      reasons.push(`${server} could not be fetched: ${firstLine(error)}`);
    }
  }
  throw await missing(reasons);
}

async function toProgram(
  server: string,
  fetched: FetchedPackage,
  onPath: Readonly<Record<string, string>>,
  reasons: string[],
): Promise<RedisProgram | undefined> {
  const env = { ...onPath, LD_LIBRARY_PATH: fetched.libraryPath };
  const command = join(fetched.root, 'usr', 'bin', server);
  const version = await versionOf(command, env, reasons);
  return version === undefined ? undefined : { command, env, version, origin: 'fetched' };
}

async function versionOf(
  command: string,
  env: Readonly<Record<string, string>>,
  reasons: string[],
): Promise<string | undefined> {
  try {
    const { stdout } = await run(command, ['--version'], { env, timeout: 10_000 });
    const version = /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    if (version !== undefined && Number.parseInt(version, 10) >= OLDEST_MAJOR) return version;
    reasons.push(
      `${command} is ${version ?? 'of an unknown version'}, ${OLDEST_MAJOR}.0 is needed`,
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      reasons.push(`${command} does not run: ${firstLine(error)}`);
  }
  return undefined;
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split('\n', 1)[0] ?? '';
}

/** One line to type, by the ID or ID_LIKE of /etc/os-release. */
const INSTALL_LINES: Readonly<Record<string, string>> = {
  debian: 'sudo apt-get install redis-server',
  ubuntu: 'sudo apt-get install redis-server',
  fedora: 'sudo dnf install valkey',
  rhel: 'sudo dnf install redis',
  arch: 'sudo pacman -S valkey',
  alpine: 'sudo apk add redis',
  suse: 'sudo zypper install redis',
  opensuse: 'sudo zypper install redis',
  darwin: 'brew install redis',
};

async function missing(reasons: readonly string[]): Promise<MeshError> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => `ID=${process.platform}`);
  const ids = [...release.matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)].flatMap((match) =>
    (match[1] ?? '').split(' '),
  );
  const line =
    ids.map((id) => INSTALL_LINES[id]).find((found) => found !== undefined) ??
    'install redis 7.0 or newer';
  const why = reasons.length === 0 ? 'none was found' : reasons.join('; ');
  return new MeshError(
    'MESH_REDIS_MISSING',
    `cannot start the store without redis-server or valkey-server 7.0 (${why}); type: ${line}`,
    {
      details: { reasons, install: line },
    },
  );
}
