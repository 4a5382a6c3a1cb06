import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadOrMintKeys, openDataDir, writeFileDurable } from '@meshwork/platform';
import type { KeyPair } from '@meshwork/shared';
import { stringify } from 'yaml';
import type { MeshDir } from '../mesh/find-mesh.ts';
import { settingsFile, type MeshSettings } from '../mesh/settings.ts';
import { findRemoval } from './removed-node.ts';

/**
 * Makes a mesh directory complete, or leaves a complete one as it is: folders, keys, configs, and for each of its own
 * nodes the word that lets it in (`accept/NAME.json`). Only under the directory's lock.
 */
export async function prepareMesh(mesh: MeshDir, wanted: MeshSettings): Promise<MeshSettings> {
  const file = settingsFile(mesh);
  const known = await file.read();
  // The variables of `start` (documents, interpreters) are those of this call; which nodes there are stays.
  const varsOf = new Map(wanted.nodes.map((node) => [node.name, node.vars]));
  const settings =
    known === undefined
      ? wanted
      : {
          ...known,
          nodes: known.nodes.map((node) => ({ ...node, vars: varsOf.get(node.name) ?? node.vars })),
        };
  if (settings.hasMainNode) {
    const dir = await openDataDir(mesh.mainNode, { kind: 'main-node' });
    await mkdir(dir.file('accept'), { recursive: true, mode: 0o700 });
    for (const node of settings.nodes) {
      const { publicKey } = await prepareNode(mesh, node);
      const accept = dir.file('accept', `${node.name}.json`);
      const removal = await findRemoval(node.name, join(mesh.nodes, node.name));
      if (removal !== undefined) await rm(accept, { force: true });
      else await writeFileDurable(accept, `${JSON.stringify({ node: node.name, publicKey })}\n`);
    }
  }
  if (JSON.stringify(known) !== JSON.stringify(settings)) await file.write(settings);
  return settings;
}

/** Makes the folders of a mesh directory, private to its user. */
export async function prepareFolders(mesh: MeshDir): Promise<void> {
  await mkdir(mesh.root, { recursive: true, mode: 0o700 });
  await mkdir(mesh.logs, { recursive: true, mode: 0o700 });
}

/** Makes the data folder of a worker node, its key and its config, where they are missing. */
export async function prepareNode(
  mesh: MeshDir,
  node: MeshSettings['nodes'][number],
): Promise<KeyPair> {
  const dir = await openDataDir(join(mesh.nodes, node.name), { kind: 'worker-node' });
  const keys = await loadOrMintKeys(dir.path);
  const hasVars = Object.keys(node.vars).length > 0;
  const config = stringify({ node: node.name, ...(hasVars ? { vars: node.vars } : {}) });
  // `wx`: a config that the operator has edited stays; the example's is `start`'s own.
  await writeFile(dir.file('config.yaml'), config, {
    flag: hasVars ? 'w' : 'wx',
    mode: 0o600,
  }).catch(ignoreExisting);
  return keys;
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
