import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const pages = ['*.md', 'docs/**/*.md', 'examples/**/*.md', 'packages/*/*.md'].flatMap((pattern) =>
  globSync(pattern),
);

const links = pages.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => ({ page, target, path: normalize(join(dirname(page), target)) })),
);

it('every link of a page to a file leads to one', () => {
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter(({ path }) => !existsSync(path))).toEqual([]);
});

it('no link leads out of the project', () => {
  expect(links.filter(({ path }) => path.startsWith('..'))).toEqual([]);
});
