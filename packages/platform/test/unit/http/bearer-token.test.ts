import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import { hasBearerToken, loadOrMintToken } from '../../../src/http/bearer-token.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mesh-token-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('a token is made once, long, and for its owner only', async () => {
  const path = join(dir, 'token');

  const first = await loadOrMintToken(path, createSystemRandom());
  const second = await loadOrMintToken(path, createSystemRandom());

  expect(second).toBe(first);
  expect(first).toMatch(/^[\w-]{43}$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test.each([
  ['others may read', 'abc\n', 0o644],
  ['is empty', '\n', 0o600],
])('a token file that %s is refused', async (_, text, mode) => {
  const path = join(dir, 'token');
  writeFileSync(path, text);
  chmodSync(path, mode);

  await expect(loadOrMintToken(path, createSystemRandom())).rejects.toMatchObject({
    code: 'MESH_FILE_UNREADABLE',
  });
});

test.each([
  [undefined, false],
  ['', false],
  ['Bearer ', false],
  ['Bearer abcd', false],
  ['Basic abc', false],
  ['Bearer abc', true],
  ['bearer abc', true],
])('the header %j opens: %s', (header, expected) => {
  expect(hasBearerToken(header, 'abc')).toBe(expected);
});
