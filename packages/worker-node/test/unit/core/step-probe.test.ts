import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  beginProbe,
  stepProbe,
  type ProbeEvent,
  type ProbePolicy,
  type ProbeState,
} from '../../../src/core/step-probe.ts';

const policy: ProbePolicy = {
  intervalMs: 5000,
  failures: 3,
  quickMinMs: 50,
  quickMaxMs: 1000,
  quickRatio: 0.1,
  jitterRatio: 0.1,
};
const asking: ProbeState = {
  status: 'asking',
  sight: { isUp: false, downSinceMs: 0 },
  isHurried: false,
};
const up = {
  status: 'waiting',
  sight: { isUp: true, failuresInRow: 0 },
  dueMs: 5000,
} as const;
const good: ProbeEvent = { type: 'result', ok: true, chance: 0 };
const bad: ProbeEvent = { type: 'result', ok: false, chance: 0 };

test('asks a new watch at once, and not again before its answer', () => {
  const first = stepProbe(beginProbe(1000), { type: 'tick' }, 1000, policy);
  const second = stepProbe(first.state, { type: 'tick' }, 9000, policy);

  expect(first.effects).toEqual(['ask']);
  expect(second.effects).toEqual([]);
});

test.each([
  [0, 50],
  [1000, 100],
  [4000, 400],
  [60_000, 1000],
])('looks again after a tenth of the time it has been down, %i ms -> %i ms', (downMs, gapMs) => {
  const { state } = stepProbe(asking, bad, downMs, policy);

  expect(state).toMatchObject({ status: 'waiting', dueMs: downMs + gapMs });
});

test('never asks one that is down less often than one that is up', () => {
  const { state } = stepProbe(asking, bad, 60_000, { ...policy, intervalMs: 300 });

  expect(state).toMatchObject({ dueMs: 60_300 });
});

test('keeps the slow pace until the failures in a row are complete, then hurries', () => {
  let state: ProbeState = up;
  const gaps: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    const dueMs: number = state.status === 'waiting' ? state.dueMs : NaN;
    state = stepProbe(state, { type: 'tick' }, dueMs, policy).state;
    state = stepProbe(state, bad, dueMs, policy).state;
    gaps.push(state.status === 'waiting' ? state.dueMs - dueMs : NaN);
  }

  expect(gaps).toEqual([5000, 5000, 50, 50]);
});

test('one good answer wipes out the failures before it', () => {
  let state: ProbeState = {
    status: 'asking',
    sight: { isUp: true, failuresInRow: 2 },
    isHurried: false,
  };

  state = stepProbe(state, good, 0, policy).state;

  expect(state.sight).toEqual({ isUp: true, failuresInRow: 0 });
});

test('jitter only shortens a gap, by a tenth at most', () => {
  const { state } = stepProbe(asking, { ...good, chance: 0.5 }, 0, policy);

  expect(state).toMatchObject({ dueMs: 4750 });
});

test('a hurry asks at once, or right after a bad answer that was under way', () => {
  const atOnce = stepProbe(up, { type: 'hurry' }, 100, policy);
  const noted = stepProbe(asking, { type: 'hurry' }, 100, policy);
  const afterBad = stepProbe(noted.state, bad, 110, policy);
  const afterGood = stepProbe(noted.state, good, 110, policy);

  expect(atOnce.effects).toEqual(['ask']);
  expect(noted.effects).toEqual([]);
  expect(afterBad.effects).toEqual(['ask']);
  expect(afterGood.effects).toEqual([]);
});

test('a result that nobody waits for changes nothing', () => {
  expect(stepProbe(up, bad, 100, policy)).toEqual({ state: up, effects: [] });
});

test('asks again within one interval of the last answer, whatever happens, and never twice at a time', () => {
  const events = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 7000 }),
      event: fc.oneof(
        fc.constant<ProbeEvent>({ type: 'tick' }),
        fc.constant<ProbeEvent>({ type: 'hurry' }),
        fc.record({
          type: fc.constant('result' as const),
          ok: fc.boolean(),
          chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
        }),
      ),
    }),
  );
  fc.assert(
    fc.property(events, (steps) => {
      let nowMs = 0;
      let underWay = 0;
      let state = beginProbe(nowMs);
      for (const { afterMs, event } of steps) {
        nowMs += afterMs;
        if (event.type === 'result' && state.status === 'asking') underWay -= 1;
        const step = stepProbe(state, event, nowMs, policy);
        state = step.state;
        underWay += step.effects.length;
        expect(underWay).toBe(state.status === 'asking' ? 1 : 0);
        if (state.status === 'waiting') {
          expect(state.dueMs).toBeLessThanOrEqual(nowMs + policy.intervalMs);
        }
      }
    }),
  );
});
