/*
 * Every step may be the last before a power cut, and the same command goes on from there: the key is on disk before it is
 * shown to anybody, and the folder counts as joined from the moment `join.json` is there.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { acquireLock, fingerprint } from '@meshwork/platform';
import { MeshError, NodeName, toMeshError, type Clock, type JoinResult } from '@meshwork/shared';
import type { MeshDir } from '../mesh/find-mesh.ts';
import { readJoinFile, writeJoin } from '../mesh/join-file.ts';
import { settingsFile, toNodeName } from '../mesh/settings.ts';
import type { Progress } from '../output/progress.ts';
import { prepareFolders, prepareNode } from '../up/prepare-mesh.ts';
import { removedFile } from '../up/removed-node.ts';
import { askToJoin } from './ask-to-join.ts';
import type { Invitation } from './read-invitation.ts';

/** What joining works with. */
export interface JoinMeshOptions {
  readonly mesh: MeshDir;
  readonly invitation: Invitation;
  /** The name that was asked for; absent: the token's, else the host's. */
  readonly name: string | undefined;
  readonly host: string;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Makes a folder the place of a node of another machine's mesh. Starts nothing.
 *
 * Repeating it is harmless. Throws `MESH_DIR_TAKEN` for a folder of another mesh, `MESH_LOCK_HELD` while a `mesh up` works
 * in it, and what `askToJoin` throws; after a refusal the folder is no mesh yet.
 */
export async function joinMesh(options: JoinMeshOptions): Promise<JoinResult> {
  const { mesh, clock, invitation, progress, signal } = options;
  const node = await pickName(options);
  await prepareFolders(mesh);
  const lock = await acquireLock(mesh.root, { daemon: 'mesh join', clock, signal });
  const settings = settingsFile(mesh);
  try {
    await settings.write({ name: 'mesh', hasMainNode: false, nodes: [{ name: node, vars: {} }] });
    const keys = await prepareNode(mesh, { name: node, vars: {} });
    const facts = { host: options.host, system: `${platform()} ${arch()}` };
    const asking = { invitation, node, keys, facts, progress, clock, signal };
    const { answer, address } = await askToJoin(asking);
    const addresses = nearestFirst(answer.addresses, address);
    await rm(removedFile(join(mesh.nodes, node)), { force: true });
    const about = { addresses, serverKey: invitation.serverKey };
    await writeJoin(
      mesh,
      node,
      answer.mesh === undefined ? about : { ...about, mesh: answer.mesh },
    );
    return {
      node,
      addresses: [...addresses],
      fingerprint: fingerprint(keys.publicKey),
      ...meshOf(answer.mesh),
    };
  } catch (error) {
    const { code } = toMeshError(error);
    const mayGoOn = code === 'MESH_JOIN_PENDING' || code === 'MESH_STOPPING';
    const hasJoined = existsSync(join(mesh.nodes, node, 'join.json'));
    if (!mayGoOn && !hasJoined) await rm(mesh.settings, { force: true });
    throw error;
  } finally {
    await lock.release();
  }
}

/** The name to join under, after what the folder is already. Throws `MESH_DIR_TAKEN`, `MESH_USAGE`, `MESH_INPUT_INVALID`. */
async function pickName({ mesh, invitation, name, host }: JoinMeshOptions): Promise<NodeName> {
  const asked = name === undefined ? undefined : NodeName.safeParse(name);
  if (asked?.success === false)
    throw new MeshError('MESH_USAGE', `--name ${name}: ${asked.error.issues[0]?.message ?? ''}`);
  if (asked !== undefined && invitation.node !== undefined && asked.data !== invitation.node) {
    throw new MeshError(
      'MESH_INPUT_INVALID',
      `the token lets in a node named ${invitation.node} only; leave --name ${asked.data} out`,
    );
  }
  const known = await settingsFile(mesh).read();
  if (known?.hasMainNode === true) {
    throw new MeshError(
      'MESH_DIR_TAKEN',
      `${mesh.root} runs a main node of its own; join in another folder, or with --dir DIR`,
    );
  }
  const present = known?.nodes[0]?.name;
  const joined = present === undefined ? undefined : await readJoinFile(mesh, present);
  if (present === undefined || joined === undefined)
    return asked?.data ?? invitation.node ?? present ?? toNodeName(host);
  const wanted = asked?.data ?? invitation.node ?? present;
  if (joined.serverKey !== invitation.serverKey || wanted !== present) {
    throw new MeshError(
      'MESH_DIR_TAKEN',
      `${mesh.root} is node ${present} of the mesh at ${joined.addresses.join(', ')}, main node key ${fingerprint(joined.serverKey)}; join in another folder, or with --dir DIR`,
    );
  }
  return present;
}

/** The control addresses on the host that answered come first: that one is known to be reachable from here. */
function nearestFirst(addresses: readonly string[], answered: string): readonly string[] {
  const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':'));
  const isNear = (address: string): boolean => hostOf(address) === hostOf(answered);
  return [...addresses.filter(isNear), ...addresses.filter((address) => !isNear(address))];
}

function meshOf(mesh: JoinResult['mesh']): { mesh?: NonNullable<JoinResult['mesh']> } {
  return mesh === undefined ? {} : { mesh };
}
