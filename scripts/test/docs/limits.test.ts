import { globSync, readFileSync } from 'node:fs';
import { MainNodeConfig, WorkerNodeConfig } from '@meshwork/shared';
import { describeConfig } from '@meshwork/platform';
import { expect, it } from 'vitest';

it('every bound in docs/limits.md stands under its name in the code, or is a key of a config or fleet file', () => {
  const code = globSync('packages/*/src/**/*.ts')
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const keys = new Set(
    [MainNodeConfig, WorkerNodeConfig].flatMap(describeConfig).map(({ path }) => path),
  );

  const names = namedBounds(readFileSync('docs/limits.md', 'utf8'));

  expect(names.length).toBeGreaterThan(60);
  expect(names.filter((name) => !isKnown(name, { code, keys }))).toEqual([]);
});

it('every number of a config key in docs/limits.md is its default', () => {
  const defaults = new Map(
    [MainNodeConfig, WorkerNodeConfig]
      .flatMap(describeConfig)
      .map((row) => [row.path, row.default]),
  );
  const rows = readFileSync('docs/limits.md', 'utf8').split('\n');

  const wrong = rows.filter((row) => {
    const [, what = '', bound = ''] = row.split('|');
    const [name, ...others] = namesIn(what);
    const number = name === undefined ? undefined : defaults.get(name);
    return (
      others.length === 0 && number !== undefined && plain(bound) !== plain(JSON.stringify(number))
    );
  });

  expect(wrong).toEqual([]);
});

/** What stands in brackets in the first column: a constant, a file, or `a.b` as a config or a fleet file has it. */
function namedBounds(page: string): readonly string[] {
  return page.split('\n').flatMap((row) => namesIn(row.split('|')[1] ?? ''));
}

function namesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/\(((?:`[^`]+`(?:, )?)+)/g)].flatMap(([, list = '']) =>
    [...list.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
}

function isKnown(
  name: string,
  { code, keys }: { readonly code: string; readonly keys: ReadonlySet<string> },
): boolean {
  if (keys.has(name)) return true;
  if (name.endsWith('.ts')) return globSync(`packages/*/src/**/${name}`).length > 0;
  if (name.endsWith('.*')) return [...keys].some((key) => key.startsWith(name.slice(0, -1)));
  return name.split('.').every((part) => new RegExp(`\\b${part}\\b`).test(code));
}

function plain(text: string): string {
  return text
    .replaceAll(/[\s,_"]/g, '')
    .replace('days', 'd')
    .toLowerCase();
}
