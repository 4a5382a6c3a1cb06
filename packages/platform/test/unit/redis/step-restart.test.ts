import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stepRestart, type BackoffState } from '../../../src/redis/step-restart.ts';

const policy = { initialMs: 50, maxMs: 10_000, healthyMs: 60_000 };

test('waits twice as long after each end, up to the longest wait', () => {
  const delays: number[] = [];
  let state: BackoffState = { failures: 0 };
  for (let n = 0; n < 10; n += 1) {
    const step = stepRestart(state, { ranMs: 10, jitter: 0 }, policy);
    state = step.state;
    delays.push(step.delayMs);
  }

  expect(delays).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
});

test('starts over after a healthy run', () => {
  const step = stepRestart({ failures: 9 }, { ranMs: 60_000, jitter: 0 }, policy);

  expect(step).toEqual({ state: { failures: 1 }, delayMs: 50 });
});

test('jitter takes off at most a quarter', () => {
  fc.assert(
    fc.property(
      fc.nat(2_000),
      fc.nat(100_000),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (failures, ranMs, jitter) => {
        const full = stepRestart({ failures }, { ranMs, jitter: 0 }, policy).delayMs;
        const { delayMs } = stepRestart({ failures }, { ranMs, jitter }, policy);
        expect(delayMs).toBeLessThanOrEqual(full);
        expect(delayMs).toBeGreaterThanOrEqual(Math.floor(full * 0.75));
      },
    ),
  );
});
