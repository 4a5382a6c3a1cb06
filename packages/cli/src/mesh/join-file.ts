import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurable } from '@meshwork/platform/base';
import { MeshId, PublicKey } from '@meshwork/shared';
import { z } from 'zod';
import type { MeshDir } from './find-mesh.ts';

/** `join.json` of a node: where its main node is, and how to know it. The worker node reads it. */
const JoinFile = z.object({
  addresses: z.array(z.string()).min(1),
  serverKey: PublicKey,
  mesh: MeshId.optional(),
});
export type JoinFile = z.infer<typeof JoinFile>;

/** Where a node's main node is; undefined for one that has not joined, or whose file is damaged: joining makes it anew. */
export async function readJoinFile(mesh: MeshDir, node: string): Promise<JoinFile | undefined> {
  try {
    return JoinFile.parse(JSON.parse(await readFile(pathOf(mesh, node), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Tells a node where its main node is; written only when that changed. */
export async function writeJoin(
  mesh: MeshDir,
  node: string,
  main: {
    readonly addresses: readonly string[];
    readonly serverKey: string;
    readonly mesh?: MeshId;
  },
): Promise<void> {
  const text = `${JSON.stringify(main)}\n`;
  const present = await readFile(pathOf(mesh, node), 'utf8').catch(() => undefined);
  if (present !== text) await writeFileDurable(pathOf(mesh, node), text);
}

function pathOf(mesh: MeshDir, node: string): string {
  return join(mesh.nodes, node, 'join.json');
}
