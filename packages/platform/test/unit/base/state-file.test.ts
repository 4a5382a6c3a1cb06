import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { createStateFile, type StateFile } from '../../../src/base/state-file.ts';

interface Doc {
  readonly incarnation: number;
  readonly text?: string | undefined;
}

let dir: string;
let file: StateFile<Doc>;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mesh-state-'));
  file = open(1);
});
afterEach(() => rmSync(dir, { recursive: true }));

function open(version: number): StateFile<Doc> {
  return createStateFile({
    path: join(dir, 'node.json'),
    format: 'mesh-node-state',
    version,
    schema: z.object({ incarnation: z.int(), text: z.string().optional() }),
  });
}

test('reads what was written, and nothing where nothing was', async () => {
  const before = await file.read();

  await file.write({ incarnation: 4, text: 'ä' });

  expect(before).toBeUndefined();
  expect(await open(1).read()).toEqual({ incarnation: 4, text: 'ä' });
  expect(statSync(join(dir, 'node.json')).mode & 0o777).toBe(0o600);
});

test('writes at the same time leave the last one and no temporary file', async () => {
  await Promise.all(Array.from({ length: 20 }, (_, n) => file.write({ incarnation: n })));

  expect(await file.read()).toEqual({ incarnation: 19 });
  expect(readdirSync(dir)).toEqual(['node.json']);
});

test('says that a file is torn wherever it is cut off', async () => {
  await file.write({ incarnation: 4, text: 'abc' });
  const whole = readFileSync(join(dir, 'node.json'));

  for (let length = 0; length < whole.length - 1; length += 1) {
    writeFileSync(join(dir, 'node.json'), whole.subarray(0, length));
    await expect(file.read()).rejects.toMatchObject({ code: 'MESH_STATE_TORN' });
  }
});

test('says that a file is torn when a byte of its content changed', async () => {
  await file.write({ incarnation: 4, text: 'abc' });
  const text = readFileSync(join(dir, 'node.json'), 'utf8');

  writeFileSync(join(dir, 'node.json'), text.replace('abc', 'abd'));

  await expect(file.read()).rejects.toMatchObject({ code: 'MESH_STATE_TORN' });
});

test('refuses the file of a newer release and names the way out', async () => {
  await open(2).write({ incarnation: 4 });

  await expect(file.read()).rejects.toMatchObject({
    code: 'MESH_FORMAT_NEWER',
    message: expect.stringContaining('start the newer release'),
  });
});

test('reads the file of the release before', async () => {
  await file.write({ incarnation: 4 });

  expect(await open(2).read()).toEqual({ incarnation: 4 });
});
