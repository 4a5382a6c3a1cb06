import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeName, PublicKey, type Logger } from '@meshwork/shared';
import { z } from 'zod';
import type { LocalKey } from '../services/node-admissions.ts';

const File = z.object({ node: NodeName, publicKey: PublicKey });

/**
 * Reads `accept/NAME.json`, which `mesh up` writes for its own nodes: who may write there may as well start nodes.
 *
 * A file that cannot be read, or is of another name than its own, is logged and left out.
 */
export async function readLocalKeys(dir: string, logger: Logger): Promise<readonly LocalKey[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const files = names.filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  const keys = await Promise.all(
    files.toSorted().map(async (file) => {
      try {
        const key = File.parse(JSON.parse(await readFile(join(dir, file), 'utf8')));
        if (`${key.node}.json` === file) return [key];
        throw new Error(`it is about node ${key.node}`);
      } catch (error) {
        logger.warn({ file: join(dir, file), err: error }, 'key of an own node cannot be read');
        return [];
      }
    }),
  );
  return keys.flat();
}
