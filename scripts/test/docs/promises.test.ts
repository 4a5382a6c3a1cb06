import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync('docs/promises.md', 'utf8');
const cited = [...page.matchAll(/\| `([^`]+\.ts)`: (.+) \|$/gm)].map(
  ([, file = '', name = '']) => ({
    file,
    name,
  }),
);

describe('docs/promises.md', () => {
  it('has a section for each promise', () => {
    const sections = [...page.matchAll(/^## (P\d) /gm)].map(([, promise]) => promise);

    expect(sections).toEqual(['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P8', 'P9']);
    expect(cited.length).toBeGreaterThan(40);
  });

  it.each(cited)('names a test that exists: $name', ({ file, name }) => {
    expect(readFileSync(file, 'utf8')).toContain(name);
  });
});
