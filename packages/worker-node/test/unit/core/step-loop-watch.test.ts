import { expect, test } from 'vitest';
import {
  beginLoopWatch,
  stepLoopWatch,
  type LoopWatch,
} from '../../../src/core/step-loop-watch.ts';

const policy = { maxStepMs: 1000, endAfterMs: 60_000 };

/** Looks every 500 ms from `fromMs` to `toMs` at a loop that last turned at `turnedAtMs`. */
function watchSilence(turnedAtMs: number, fromMs: number, toMs: number): LoopWatch {
  let watch = beginLoopWatch(fromMs);
  for (let nowMs = fromMs + 500; nowMs <= toMs; nowMs += 500) {
    watch = stepLoopWatch(watch, { turnedAtMs, nowMs }, policy).watch;
  }
  return watch;
}

test('a loop that turns is silent since its last turn', () => {
  const { watch, isStuck } = stepLoopWatch(
    beginLoopWatch(0),
    { turnedAtMs: 460, nowMs: 500 },
    policy,
  );

  expect(watch.silentMs).toBe(40);
  expect(isStuck).toBe(false);
});

test('silence adds up while the loop does not turn, and ends with the next turn', () => {
  const silent = watchSilence(0, 0, 3000);
  const { watch } = stepLoopWatch(silent, { turnedAtMs: 3400, nowMs: 3500 }, policy);

  expect(silent.silentMs).toBe(3000);
  expect(watch.silentMs).toBe(100);
});

test('is stuck only after the whole time', () => {
  const almost = watchSilence(0, 0, 60_000);
  const { isStuck } = stepLoopWatch(almost, { turnedAtMs: 0, nowMs: 60_500 }, policy);
  const before = stepLoopWatch(almost, { turnedAtMs: 0, nowMs: 60_000 }, policy);

  expect(before.isStuck).toBe(false);
  expect(isStuck).toBe(true);
});

test('time in which the watcher itself stood still counts as one look', () => {
  const silent = watchSilence(0, 0, 500);
  const { watch, isStuck } = stepLoopWatch(silent, { turnedAtMs: 0, nowMs: 3_600_000 }, policy);

  expect(watch.silentMs).toBe(1500);
  expect(isStuck).toBe(false);
});

test('a turn that comes after a standstill is not counted as silence of all that time', () => {
  const silent = watchSilence(0, 0, 500);
  const { watch } = stepLoopWatch(silent, { turnedAtMs: 600, nowMs: 100_000 }, policy);

  expect(watch.silentMs).toBe(1000);
});
