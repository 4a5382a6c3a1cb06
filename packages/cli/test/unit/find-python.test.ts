import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPython } from '../../src/up/find-python.ts';

describe('the python3 that agents are started with', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'python-'));
    for (const [folder, mode] of [
      ['usual', 0o755],
      ['wrapper', 0o755],
      ['plain', 0o644],
    ] as const) {
      await mkdir(join(root, folder));
      await writeFile(join(root, folder, 'python3'), '#!/bin/sh\n', { mode });
    }
  });

  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  it("is the distribution's own before what PATH names first", async () => {
    const found = await findPython(join(root, 'wrapper'), [join(root, 'usual')]);

    expect(found).toBe(join(root, 'usual', 'python3'));
  });

  it('is the first on PATH that can be executed where the distribution has none', async () => {
    const path = `${join(root, 'gone')}::${join(root, 'plain')}:${join(root, 'wrapper')}`;

    expect(await findPython(path, [])).toBe(join(root, 'wrapper', 'python3'));
  });

  it('is nothing where no folder holds one', async () => {
    expect(await findPython(join(root, 'gone'), [])).toBeUndefined();
    expect(await findPython(undefined, [])).toBeUndefined();
  });
});
