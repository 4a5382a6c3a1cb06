import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mesh-imports-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** The packages that one call of `mesh` loads, told by hooks that see every import. */
async function packagesOf(...args: readonly string[]): Promise<readonly string[]> {
  const seen = join(dir, 'seen');
  const hooks = join(dir, 'hooks.mjs');
  await writeFile(
    hooks,
    `import { registerHooks } from 'node:module';
     import { appendFileSync } from 'node:fs';
     registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(seen)}, url + '\\n'); return next(url, context); } });`,
  );
  const argv = ['--disable-warning=ExperimentalWarning', '--import', hooks, cli, ...args];
  // A failing command has loaded what it needs, too.
  await run(process.execPath, argv, { cwd: dir }).catch(() => {});
  const urls = (await readFile(seen, 'utf8')).split('\n');
  const names = urls.map(
    (url) => /node_modules\/(?:\.pnpm\/)?((?:@[^/]+[/+])?[^/@]+)/.exec(url)?.[1],
  );
  return [...new Set(names.filter((name) => name !== undefined))];
}

it.each([
  { command: ['status'] },
  { command: ['--help'] },
  { command: ['call', 'a', 'b'] },
  { command: ['events'] },
  { command: ['agent', 'logs', 'a'] },
  { command: ['node', 'list'] },
])('mesh $command loads no library but zod', async ({ command }) => {
  expect(await packagesOf(...command)).toEqual(['zod']);
});
