/*
 * A directory per instance holds its link's socket. It belongs to the agent's user, so while the socket is made it is taken
 * back: nobody else can then put another file in the socket's place between two of our steps.
 */
import { createHash } from 'node:crypto';
import { chmod, chown, lchown, lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError, maxSocketPathBytes } from '@meshwork/shared';

/** The agent's user; absent: the node's own. */
export interface LinkOwner {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** Where links lie when nothing else was chosen: the user's runtime directory, else a folder of ours among temporary files. */
export function pickLinkBase(machine: {
  readonly runtimeDir: string | undefined;
  readonly temporaryDir: string;
  readonly uid: number;
}): string {
  const { runtimeDir, temporaryDir, uid } = machine;
  // Root's runtime directory is closed to the users that agents run as.
  if (runtimeDir !== undefined && runtimeDir !== '' && uid !== 0) return join(runtimeDir, 'mesh');
  return join(temporaryDir, `mesh-${uid}`);
}

/** Directory of one instance's link: short whatever the names are, and the same at each start of the node. */
export function toLinkDirectory(options: {
  readonly base: string;
  readonly dataDir: string;
  readonly instance: string;
}): string {
  const hash = createHash('sha256').update(`${options.dataDir}\0${options.instance}`);
  return join(options.base, hash.digest('hex').slice(0, 16));
}

/** The socket in a link's directory. Throws MESH_CONFIG_INVALID when no socket can have so long a path. */
export function toSocketPath(directory: string): string {
  const path = join(directory, 'link');
  const bytes = Buffer.byteLength(path);
  if (bytes <= maxSocketPathBytes) return path;
  throw new MeshError(
    'MESH_CONFIG_INVALID',
    `the agent link ${path} has ${bytes} bytes and a socket's path at most ${maxSocketPathBytes}; point XDG_RUNTIME_DIR or TMPDIR to a shorter folder`,
  );
}

/** Makes sure that the folder of all links is ours alone to change. Throws MESH_CONFIG_INVALID when it is not. */
export async function prepareLinkBase(base: string): Promise<void> {
  await mkdir(base, { recursive: true, mode: 0o711 });
  const { uid, mode, isDirectory } = await look(base);
  const own = process.getuid?.();
  if (!isDirectory || (own !== undefined && uid !== own) || (mode & 0o022) !== 0)
    throw new MeshError(
      'MESH_CONFIG_INVALID',
      `the folder of agent links ${base} is not a directory that only this user can change; remove it`,
      { details: { path: base, uid, mode: (mode & 0o777).toString(8) } },
    );
  // Agents of other users pass through it to their own; nobody can list it.
  await chmod(base, 0o711);
}

/** Makes an empty directory in which `bind` makes the socket, and then hands both to their owner. */
export async function fillLinkDirectory(
  directory: string,
  owner: LinkOwner,
  bind: (socketPath: string) => Promise<void>,
): Promise<void> {
  const socketPath = toSocketPath(directory);
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await takeBack(directory);
  await rm(socketPath, { recursive: true, force: true });
  await bind(socketPath);
  const { uid, gid } = owner;
  if (uid === undefined || uid === process.getuid?.()) return;
  await lchown(socketPath, uid, gid ?? uid);
  await chown(directory, uid, gid ?? uid);
}

/** Removes a link's directory with what is in it; idempotent. */
export async function removeLinkDirectory(directory: string): Promise<void> {
  const seen = await look(directory).catch(() => undefined);
  if (seen?.isDirectory === true) await takeBack(directory);
  await rm(directory, { recursive: true, force: true });
}

async function takeBack(directory: string): Promise<void> {
  const { uid, isDirectory } = await look(directory);
  if (!isDirectory)
    throw new MeshError('MESH_CONFIG_INVALID', `the agent link ${directory} is not a directory`);
  const own = process.getuid?.();
  if (own !== undefined && uid !== own) await chown(directory, own, process.getgid?.() ?? own);
  await chmod(directory, 0o700);
}

async function look(
  path: string,
): Promise<{ readonly uid: number; readonly mode: number; readonly isDirectory: boolean }> {
  const stats = await lstat(path);
  return { uid: stats.uid, mode: stats.mode, isDirectory: stats.isDirectory() };
}
