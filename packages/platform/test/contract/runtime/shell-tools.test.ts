import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findShellTools } from '../../../src/runtime/shell-tools.ts';

describe('the tools of shims', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tools-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const signal = new AbortController().signal;

  function writeShell(name: string, script: string): string {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  }

  it('are found on this machine, as absolute paths', async () => {
    const { isShellOutspoken, ...paths } = await findShellTools({ shell: undefined, signal });
    expect(isShellOutspoken).toBeTypeOf('boolean');
    expect(Object.values(paths).every((path) => path.startsWith('/'))).toBe(true);
  });

  it('are refused where dd reads further than it was told', async () => {
    const greedy = writeShell('greedy', 'printf 123/');
    await expect(findShellTools({ shell: greedy, signal })).rejects.toMatchObject({
      code: 'MESH_SPAWN_FAILED',
      message: expect.stringContaining('reads more than it is told'),
    });
  });

  it('are refused where the shell fails, with what it says', async () => {
    const failing = writeShell('failing', 'echo "Cannot fork" >&2; exit 2');
    await expect(findShellTools({ shell: failing, signal })).rejects.toMatchObject({
      code: 'MESH_SPAWN_FAILED',
      message: expect.stringContaining('Cannot fork'),
    });
  });
});
