import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadOrMintKeys } from '../../../src/index.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mesh-keys-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('loadOrMintKeys', () => {
  it('keeps the first pair, readable by its owner only', async () => {
    const first = await loadOrMintKeys(dir);
    const second = await loadOrMintKeys(dir);

    expect(second).toEqual(first);
    expect((await stat(join(dir, 'key.json'))).mode & 0o777).toBe(0o600);
  });

  it('makes no new key in place of a damaged one', async () => {
    await writeFile(join(dir, 'key.json'), '{"format":"mesh-key"');

    await expect(loadOrMintKeys(dir)).rejects.toMatchObject({ code: 'MESH_STATE_TORN' });
  });
});
