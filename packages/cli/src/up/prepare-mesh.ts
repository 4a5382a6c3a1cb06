import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadOrMintKeys, openDataDir, writeFileDurable } from '@meshwork/platform';
import { stringify } from 'yaml';
import type { MeshDir } from '../mesh/find-mesh.ts';
import { settingsFile, type MeshSettings } from '../mesh/settings.ts';

/**
 * Makes a mesh directory complete, or leaves a complete one as it is: folders, keys, configs, and for each of its own
 * nodes the word that lets it in (`accept/NAME.json`).
 */
export async function prepareMesh(mesh: MeshDir, wanted: MeshSettings): Promise<MeshSettings> {
  await mkdir(mesh.root, { recursive: true, mode: 0o700 });
  await mkdir(mesh.logs, { recursive: true, mode: 0o700 });
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
    for (const node of settings.nodes)
      await prepareNode(mesh, node, dir.file('accept', `${node.name}.json`));
  }
  if (JSON.stringify(known) !== JSON.stringify(settings)) await file.write(settings);
  return settings;
}

async function prepareNode(
  mesh: MeshDir,
  node: MeshSettings['nodes'][number],
  acceptFile: string,
): Promise<void> {
  const dir = await openDataDir(join(mesh.nodes, node.name), { kind: 'worker-node' });
  const keys = await loadOrMintKeys(dir.path);
  await writeFileDurable(
    acceptFile,
    `${JSON.stringify({ node: node.name, publicKey: keys.publicKey })}\n`,
  );
  const hasVars = Object.keys(node.vars).length > 0;
  const config = stringify({ node: node.name, ...(hasVars ? { vars: node.vars } : {}) });
  // `wx`: a config that the operator has edited stays; the example's is `start`'s own.
  await writeFile(dir.file('config.yaml'), config, {
    flag: hasVars ? 'w' : 'wx',
    mode: 0o600,
  }).catch(ignoreExisting);
}

/** Tells a node where its main node is; written only when that changed. */
export async function writeJoin(
  mesh: MeshDir,
  node: string,
  main: { readonly addresses: readonly string[]; readonly serverKey: string },
): Promise<void> {
  const path = join(mesh.nodes, node, 'join.json');
  const text = `${JSON.stringify({ addresses: main.addresses, serverKey: main.serverKey })}\n`;
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present !== text) await writeFileDurable(path, text);
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
