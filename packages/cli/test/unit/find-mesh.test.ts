import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findMeshDir } from '../../src/mesh/find-mesh.ts';
import { toNodeName } from '../../src/mesh/settings.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mesh-find-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function meshIn(...parts: string[]): string {
  const dir = join(root, ...parts);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'mesh.json'), '{}');
  return dir;
}

const find = (cwd: string, dirOption?: string, meshDirVariable?: string) =>
  findMeshDir({ cwd, dirOption, meshDirVariable }).root;

describe('findMeshDir', () => {
  it('takes the nearest .mesh upwards', () => {
    const far = meshIn('.mesh');
    const near = meshIn('a', '.mesh');
    mkdirSync(join(root, 'a', 'b', 'c'), { recursive: true });

    expect(find(join(root, 'a', 'b', 'c'))).toBe(near);
    expect(find(root)).toBe(far);
  });

  it('takes the example in a .mesh that holds no mesh itself', () => {
    expect(meshIn('.mesh', 'example')).toBe(find(root));
  });

  it('prefers --dir to MESH_DIR to the folder', () => {
    meshIn('.mesh');
    const byOption = meshIn('one');
    const byVariable = meshIn('two');

    expect(find(root, 'one', 'two')).toBe(byOption);
    expect(find(root, undefined, byVariable)).toBe(byVariable);
  });

  it('says how to make one where there is none', () => {
    expect(() => find(root, 'nowhere')).toThrow(
      expect.objectContaining({
        code: 'MESH_NOT_FOUND_HERE',
        message: expect.stringContaining('mesh up'),
      }),
    );
  });
});

describe('toNodeName', () => {
  it.each([
    ['My.PC', 'my'],
    ['PC_2', 'pc-2'],
    ['9lives-', 'lives'],
    ['...', 'this-pc'],
  ])('turns the host %s into %s', (host, name) => {
    expect(toNodeName(host)).toBe(name);
  });
});
