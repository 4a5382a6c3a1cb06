import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { daemonBackoff, stepDaemon, type DaemonState } from '../../src/up/step-daemon.ts';

const absent: DaemonState = { status: 'absent', retryAtMs: 0, fastEnds: 0 };

function crashTimes(count: number, lifeMs: number): number[] {
  const spawns: number[] = [];
  let state: DaemonState = absent;
  let nowMs = 0;
  while (spawns.length < count) {
    const step = stepDaemon(state, { type: 'tick' }, nowMs);
    state = step.state;
    if (step.effect === 'spawn') {
      spawns.push(nowMs);
      state = stepDaemon(state, { type: 'ready' }, nowMs).state;
      nowMs += lifeMs;
      state = stepDaemon(state, { type: 'ended' }, nowMs).state;
    } else nowMs += 100;
  }
  return spawns;
}

describe('stepDaemon', () => {
  it('starts an absent daemon at once, and only once', () => {
    const first = stepDaemon(absent, { type: 'tick' }, 5);
    const second = stepDaemon(first.state, { type: 'tick' }, 6);

    expect([first.effect, second.effect]).toEqual(['spawn', 'none']);
  });

  it('starts a daemon that ended the first time at once, then ever later', () => {
    const spawns = crashTimes(6, 0);

    expect(spawns).toEqual([0, 0, 500, 1500, 3500, 7500]);
  });

  it('forgives after a minute of life', () => {
    const spawns = crashTimes(4, daemonBackoff.provenAfterMs);

    expect(spawns).toEqual([0, 60_000, 120_000, 180_000]);
  });

  it('never waits longer than the bound, whatever happened', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(1_000_000), (fastEnds, nowMs) => {
        const { state } = stepDaemon(
          { status: 'starting', sinceMs: 0, fastEnds },
          { type: 'ended' },
          nowMs,
        );

        expect(state.status === 'absent' && state.retryAtMs - nowMs).toBeLessThanOrEqual(
          daemonBackoff.maxMs,
        );
      }),
    );
  });
});
