import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('the lock file names no registry: packages come from the one that is configured', () => {
  const lock = readFileSync(new URL('../../pnpm-lock.yaml', import.meta.url), 'utf8');

  const resolutions = lock.split('\n').filter((line) => line.includes('resolution:'));
  expect(resolutions.length).toBeGreaterThan(50);
  expect(resolutions.filter((line) => line.includes('://'))).toEqual([]);
});
