import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxDriftRatio, stepLinkAge, type LinkAge } from '../../../src/wire/link-age.ts';

const DAY_MS = 86_400_000;
/** Sampled each minute: between two frames the envelope may rise by 30 ms, the clocks part by 12 ms. */
const SAMPLE_MS = 60_000;

/** A sender whose clock has another zero and runs `driftPpm` slower than the receiver's. */
function createLink(driftPpm: number) {
  let link: LinkAge | undefined;
  return {
    /** Age of a frame that leaves at `leavesMs`, on the receiver's clock, and takes `delayMs`. */
    receive(leavesMs: number, delayMs: number): number {
      const sentAtMs = Math.round(5_000_000 + leavesMs * (1 - driftPpm / 1_000_000));
      const step = stepLinkAge(link, { sentAtMs, receivedAtMs: leavesMs + delayMs });
      ({ link } = step);
      return step.ageMs;
    },
  };
}

test.each([200, -200, 0])(
  'an undelayed frame is never old over 30 days at a drift of %i ppm',
  (driftPpm) => {
    const link = createLink(driftPpm);
    let oldestMs = 0;

    for (let atMs = 0; atMs < 30 * DAY_MS; atMs += SAMPLE_MS) {
      const jitterMs = (atMs / SAMPLE_MS) % 3;
      oldestMs = Math.max(oldestMs, link.receive(atMs, jitterMs));
    }

    expect(oldestMs).toBeLessThan(5);
  },
);

test.each([200, -200, 0])(
  'after 30 days at a drift of %i ppm a frame of a peer stopped for 10 s is 10 s old',
  (driftPpm) => {
    const link = createLink(driftPpm);
    for (let atMs = 0; atMs <= 30 * DAY_MS; atMs += SAMPLE_MS) link.receive(atMs, 1);

    const ageMs = link.receive(30 * DAY_MS + 500, 10_000);

    expect(ageMs).toBeGreaterThan(9_970);
    expect(ageMs).toBeLessThan(10_030);
  },
);

test('frames stay old while a queue holds all of them back for ten minutes', () => {
  const link = createLink(200);
  for (let atMs = 0; atMs < 3_600_000; atMs += 500) link.receive(atMs, 1);
  let youngestMs = Number.POSITIVE_INFINITY;

  for (let atMs = 3_600_000; atMs < 4_200_000; atMs += 500)
    youngestMs = Math.min(youngestMs, link.receive(atMs, 10_000));

  expect(youngestMs).toBeGreaterThan(10_000 - 600_000 * maxDriftRatio - 10);
});

test('a queue that has drained leaves no trace: the next undelayed frame is young', () => {
  const link = createLink(0);
  link.receive(0, 1);
  for (let atMs = 500; atMs < 600_000; atMs += 500) link.receive(atMs, 10_000);

  expect(link.receive(600_000, 1)).toBe(0);
});

test('the first frame of a connection counts as not delayed, and a quicker one corrects it', () => {
  const link = createLink(0);

  expect(link.receive(0, 4_000)).toBe(0);
  expect(link.receive(5_000, 10)).toBe(0);
  // Less the 2 ms that the clocks may have drifted apart in the meantime.
  expect(link.receive(5_500, 4_000)).toBeCloseTo(3_987.8, 1);
});

const frames = fc.array(
  fc.record({ gapMs: fc.integer({ min: 0, max: 60_000 }), delayMs: fc.nat(120_000) }),
  { minLength: 1, maxLength: 200 },
);

test('an age is never negative and, after an undelayed frame, never over the true delay', () => {
  fc.assert(
    fc.property(frames, (given) => {
      const link = createLink(0);
      link.receive(0, 0);
      let leavesMs = 0;
      for (const { gapMs, delayMs } of given) {
        leavesMs += gapMs;
        const ageMs = link.receive(leavesMs, delayMs);
        expect(ageMs).toBeGreaterThanOrEqual(0);
        expect(ageMs).toBeLessThanOrEqual(delayMs);
      }
    }),
  );
});

test('a delayed frame loses no more of its age than the clocks may have drifted apart', () => {
  fc.assert(
    fc.property(frames, (given) => {
      const link = createLink(0);
      link.receive(0, 0);
      let leavesMs = 0;
      let latestMs = 0;
      for (const { gapMs, delayMs } of given) {
        leavesMs += gapMs;
        latestMs = Math.max(latestMs, leavesMs + delayMs);
        const ageMs = link.receive(leavesMs, delayMs);
        expect(ageMs).toBeGreaterThanOrEqual(delayMs - latestMs * maxDriftRatio - 0.001);
      }
    }),
  );
});
