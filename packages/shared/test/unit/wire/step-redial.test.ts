import fc from 'fast-check';
import { expect, test } from 'vitest';
import { redialTiming, stepRedial, type Redial } from '../../../src/wire/step-redial.ts';

const first: Redial = { index: 0, refusals: 0 };

test('an address that worked is tried first again', () => {
  const before = { index: 2, refusals: 3 };

  const { redial } = stepRedial(before, 'wasBound', { addresses: 3, random: 0 });

  expect(redial).toEqual({ index: 2, refusals: 0 });
});

test('addresses that fail take turns', () => {
  let redial = first;
  const tried: number[] = [];
  for (let times = 0; times < 5; times += 1) {
    tried.push(redial.index);
    ({ redial } = stepRedial(redial, 'failed', { addresses: 2, random: 0.5 }));
  }

  expect(tried).toEqual([0, 1, 0, 1, 0]);
});

test('an address list that shrank meanwhile leads back to its beginning', () => {
  const { redial } = stepRedial({ index: 4, refusals: 0 }, 'failed', { addresses: 1, random: 0 });

  expect(redial.index).toBe(0);
});

test('a closed connection is dialled again after 100 to 500 ms', () => {
  const delays = [0, 0.5, 0.999].map(
    (random) => stepRedial(first, 'failed', { addresses: 1, random }).delayMs,
  );

  expect(delays[0]).toBe(100);
  expect(delays[1]).toBe(300);
  expect(delays[2]).toBeLessThan(500);
});

test('each refusal in a row doubles the wait, up to 10 s', () => {
  let redial = first;
  const delays: number[] = [];
  for (let times = 0; times < 6; times += 1) {
    const step = stepRedial(redial, 'refused', { addresses: 1, random: 0 });
    ({ redial } = step);
    delays.push(step.delayMs);
  }

  expect(delays).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

test('no wait is shorter than 100 ms or longer than 10 s', () => {
  fc.assert(
    fc.property(
      fc.nat(5_000),
      fc.constantFrom('wasBound', 'failed', 'refused' as const),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (refusals, end, random) => {
        const { delayMs } = stepRedial({ index: 0, refusals }, end, { addresses: 3, random });

        expect(delayMs).toBeGreaterThanOrEqual(redialTiming.minMs);
        expect(delayMs).toBeLessThanOrEqual(redialTiming.refusedMaxMs);
      },
    ),
  );
});
