import { join } from 'node:path';
import type { KeyPair } from '@meshwork/shared';
import { z } from 'zod';
import { mintKeyPair } from '../wire/keys.ts';
import { createStateFile } from './state-file.ts';

const Keys = z.object({ publicKey: z.string().length(40), secretKey: z.string().length(40) });

/**
 * The key pair of a data folder (`key.json`, mode 0600); minted and written at the first call.
 *
 * Only under the folder's lock, or before any daemon works in it. Throws MESH_STATE_TORN for a damaged file: a new key would be
 * a stranger to the mesh, so none is made in its place.
 */
export async function loadOrMintKeys(dir: string): Promise<KeyPair> {
  const file = createStateFile({
    path: join(dir, 'key.json'),
    format: 'mesh-key',
    version: 1,
    schema: Keys,
  });
  const known = await file.read();
  if (known !== undefined) return known;
  const minted = mintKeyPair();
  await file.write(minted);
  return minted;
}
