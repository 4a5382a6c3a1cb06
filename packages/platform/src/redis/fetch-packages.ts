import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeFileDurable } from '../base/write-file-durable.ts';

const run = promisify(execFile);

/** The environment that programs are run with and folders are found by. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Which programs of the distribution are wanted, and where they are kept. */
export interface FetchOptions {
  /** Package whose files are wanted; what it depends on and is not installed comes with it. */
  readonly package: string;
  /** Folder for all that was ever fetched, shared by every mesh of the user. */
  readonly cacheDir: string;
  readonly env: Environment;
  readonly onProgress: (text: string) => void;
  readonly signal: AbortSignal;
}

/** An unpacked package with what it needs. */
export interface FetchedPackage {
  /** Holds `usr/bin`, ... */
  readonly root: string;
  /** What the programs in it need as `LD_LIBRARY_PATH`. */
  readonly libraryPath: string;
}

/** Apt may wait for a dead mirror for minutes; then it is given up. */
const TOOL_TIMEOUT_MS = 120_000;

/**
 * Downloads a package of this Debian-like distribution and unpacks it under `cacheDir`: no root, nothing installed, no service.
 *
 * Safe when several processes do it at once: each works in a folder of its own, and the first to finish is kept by all. Rejects
 * with what apt said; with ENOENT where there is no apt.
 */
export async function fetchPackage(options: FetchOptions): Promise<FetchedPackage> {
  const { cacheDir, onProgress } = options;
  const target = join(cacheDir, options.package);
  const work = join(cacheDir, `.${options.package}-${process.pid}-${process.hrtime.bigint()}`);
  const root = join(work, 'root');
  await sweep(cacheDir);
  try {
    await mkdir(root, { recursive: true });
    const debs = await download(work, options);
    for (const deb of debs) await tool('dpkg', ['-x', deb, root], options);
    const installed = JSON.stringify({
      format: 'mesh-fetched-package',
      version: 1,
      packages: debs.map((deb) => deb.slice(work.length + 6)),
    });
    await writeFileDurable(join(root, 'fetched.json'), installed, 0o644);
    await rename(root, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      onProgress(`${options.package} was fetched by another process at the same time`);
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return { root: target, libraryPath: await libraryPathOf(target) };
}

/** Removes what fetches that were killed left behind; none takes an hour. */
async function sweep(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir).catch(() => [])) {
    if (!name.startsWith('.')) continue;
    const path = join(cacheDir, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs < Date.now() - 3_600_000) await rm(path, { recursive: true, force: true });
  }
}

/** What an earlier fetch left, if it is whole. */
export async function findFetched(
  cacheDir: string,
  name: string,
): Promise<FetchedPackage | undefined> {
  const root = join(cacheDir, name);
  const isWhole = await readFile(join(root, 'fetched.json')).then(
    () => true,
    () => false,
  );
  return isWhole ? { root, libraryPath: await libraryPathOf(root) } : undefined;
}

/** Paths of the downloaded packages. */
async function download(work: string, options: FetchOptions): Promise<string[]> {
  const { onProgress } = options;
  const dir = join(work, 'debs');
  await mkdir(dir);
  await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
  await mkdir(join(work, 'state', 'lists', 'partial'), { recursive: true });
  const common = [
    '-qq',
    '-o',
    `Dir::Cache=${join(work, 'cache')}`,
    '-o',
    'APT::Sandbox::User=',
    '-o',
    'Debug::NoLocking=1',
  ];
  const withOwnLists = [
    ...common,
    '-o',
    `Dir::State=${join(work, 'state')}`,
    '-o',
    'Dir::State::status=/var/lib/dpkg/status',
  ];

  async function get(settings: readonly string[]): Promise<void> {
    const plan = ['install', '--print-uris', '--yes', '--no-install-recommends', options.package];
    const { stdout } = await tool('apt-get', [...settings, ...plan], options);
    // 'URL' name_version_arch.deb size hash
    const names = [...stdout.matchAll(/^'[^']*' ([^_\s]+)_\S+\.deb /gm)].map(
      (match) => match[1] ?? '',
    );
    if (names.length === 0)
      throw new Error(`apt knows no package ${options.package} that is not installed`);
    onProgress(`downloading ${names.join(', ')}`);
    await tool('apt-get', [...settings, 'download', ...names], { ...options, cwd: dir });
  }

  try {
    await get(common);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || options.signal.aborted) throw error;
    // No package lists on this machine, or lists so old that the files are gone: fetch fresh ones beside.
    onProgress('reading the package lists of the distribution');
    await tool('apt-get', [...withOwnLists, 'update'], options);
    await get(withOwnLists);
  }
  const names = await readdir(dir);
  return names.filter((name) => name.endsWith('.deb')).map((name) => join(dir, name));
}

function tool(
  command: string,
  args: readonly string[],
  {
    env,
    signal,
    cwd,
  }: { readonly env: Environment; readonly signal: AbortSignal; readonly cwd?: string },
): Promise<{ stdout: string }> {
  return run(command, args, {
    env: { ...env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    signal,
    timeout: TOOL_TIMEOUT_MS,
    maxBuffer: 4 * 1024 * 1024,
    ...(cwd !== undefined && { cwd }),
  });
}

async function libraryPathOf(root: string): Promise<string> {
  const dirs: string[] = [];
  for (const lib of ['usr/lib', 'lib']) {
    const names = await readdir(join(root, lib)).catch(() => []);
    if (names.length === 0) continue;
    dirs.push(
      ...names.filter((name) => /-linux-gnu/.test(name)).map((name) => join(root, lib, name)),
      join(root, lib),
    );
  }
  return dirs.join(':');
}
