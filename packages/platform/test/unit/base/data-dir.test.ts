import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDataDir } from '../../../src/base/data-dir.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mesh-dir-'));
});
afterEach(() => rmSync(root, { recursive: true }));

test('makes a private folder and finds it again', async () => {
  const path = join(root, 'a', 'main');

  await openDataDir(path, { kind: 'main-node' });
  chmodSync(path, 0o755);
  const dir = await openDataDir(path, { kind: 'main-node' });

  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(dir.file('redis', 'redis.conf')).toBe(join(path, 'redis', 'redis.conf'));
});

test('refuses a folder that holds other things, and leaves its mode alone', async () => {
  const path = join(root, 'home');
  mkdirSync(path);
  chmodSync(path, 0o755);
  writeFileSync(join(path, 'letter.txt'), '');

  await expect(openDataDir(path, { kind: 'main-node' })).rejects.toMatchObject({
    code: 'MESH_CONFIG_INVALID',
    message: expect.stringContaining('letter.txt'),
  });

  expect(statSync(path).mode & 0o777).toBe(0o755);
});

test('refuses the folder of another daemon', async () => {
  await openDataDir(root, { kind: 'worker-node' });

  await expect(openDataDir(root, { kind: 'main-node' })).rejects.toThrow(
    'data folder of a worker-node',
  );
});

test('goes on where an earlier start died while making the folder', async () => {
  writeFileSync(join(root, '.format.json.123-00ff00ff.tmp'), '{"for');

  await expect(openDataDir(root, { kind: 'main-node' })).resolves.toMatchObject({ path: root });
});
