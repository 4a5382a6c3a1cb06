import { expect, test } from 'vitest';
import { judgeDisk } from '../../../src/redis/judge-disk.ts';

const MiB = 1024 * 1024;
const policy = { minFreeBytes: 256 * MiB, ballastBytes: 16 * MiB };

test.each([
  ['much is free', 1_000, true, 'ok', 'keep'],
  ['much is free and there is no ballast', 1_000, false, 'ok', 'make'],
  ['the ballast would bring it low', 260, false, 'ok', 'keep'],
  ['less than wanted is free', 255, true, 'low', 'keep'],
  ['less than the ballast is free', 15, true, 'low', 'free'],
  ['the ballast is gone and a little is free', 15, false, 'low', 'keep'],
  ['the ballast is gone and nearly nothing is free', 3, false, 'full', 'keep'],
  ['nothing is free', 0, false, 'full', 'keep'],
] as const)('when %s', (_, freeMiB, hasBallast, state, ballast) => {
  expect(judgeDisk({ freeBytes: freeMiB * MiB, hasBallast }, policy)).toEqual({ state, ballast });
});

test('without a wish for ballast none is made', () => {
  expect(
    judgeDisk({ freeBytes: 1_000 * MiB, hasBallast: false }, { ...policy, ballastBytes: 0 })
      .ballast,
  ).toBe('keep');
});
