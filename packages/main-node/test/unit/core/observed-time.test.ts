import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newMember, stepMember } from '../../../src/core/membership.ts';
import { readObserved, startObserving, stepObserved } from '../../../src/core/observed-time.ts';

const policy = {
  suspectAfter: 1_000,
  deadAfter: 2_000,
  rejoinGrace: 15_000,
  startGrace: 15_000,
  notActingAfter: 5_000,
};

describe('observed time', () => {
  it('passes as the clock does while the main node looks', () => {
    const { time } = stepObserved(startObserving(1_000), 1_100, 200);
    expect(time.observedMs).toBe(100);
    expect(readObserved(time, 1_150, 200)).toBe(150);
  });

  it('counts a stall of a minute as one step, and says what was missed', () => {
    const { time, missedMs } = stepObserved(startObserving(0), 60_000, 200);
    expect(time.observedMs).toBe(200);
    expect(missedMs).toBe(59_800);
  });

  it('never runs ahead of the clock or back', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000)), (steps) => {
        let time = startObserving(0);
        let nowMs = 0;
        for (const step of steps) {
          nowMs += step;
          const read = readObserved(time, nowMs, 200);
          const next = stepObserved(time, nowMs, 200).time;
          expect(next.observedMs).toBe(read);
          expect(next.observedMs).toBeGreaterThanOrEqual(time.observedMs);
          expect(next.observedMs).toBeLessThanOrEqual(nowMs);
          time = next;
        }
      }),
    );
  });

  it('kills nobody when the main node itself stood still, however long', () => {
    let time = startObserving(0);
    let member = stepMember(
      newMember(0),
      { type: 'hello', role: 'node', incarnation: 1 },
      0,
      policy,
    ).member;
    for (let nowMs = 0, beatAtMs = 0; nowMs < 600_000; nowMs += 30_000) {
      // Stopped for 30 s, then one tick before the waiting heartbeat is read.
      time = stepObserved(time, nowMs, 200).time;
      member = stepMember(member, { type: 'tick' }, time.observedMs, policy).member;
      beatAtMs = readObserved(time, nowMs + 1, 200);
      member = stepMember(
        member,
        { type: 'heartbeat', incarnation: 1, loopSilentMs: 0 },
        beatAtMs,
        policy,
      ).member;
      expect(member.status).toBe('alive');
    }
  });
});
