import { expect, test } from 'vitest';
import { createFakeClock } from '../../src/fake-clock.ts';

const never = new AbortController().signal;

test('wakes sleepers in the order of their times, each at its own', async () => {
  const clock = createFakeClock();
  const startMs = clock.monotonic();
  const seen: [string, number][] = [];
  const sleeper = async (name: string, ms: number): Promise<void> => {
    await clock.sleep(ms, never);
    seen.push([name, clock.monotonic() - startMs]);
  };
  void sleeper('late', 30);
  void sleeper('early', 10);

  await clock.advance(100);

  expect(seen).toEqual([
    ['early', 10],
    ['late', 30],
  ]);
});

test('a sleep begun by a woken sleeper ends within the same advance', async () => {
  const clock = createFakeClock();
  let rounds = 0;
  void (async () => {
    for (;;) {
      await clock.sleep(10, never);
      rounds += 1;
    }
  })();

  await clock.advance(55);

  expect(rounds).toBe(5);
});

test('ticks skip what a slow consumer missed instead of bursting', async () => {
  const clock = createFakeClock();
  const startMs = clock.monotonic();
  const canceled = new AbortController();
  const seen: number[] = [];
  const consumer = (async () => {
    for await (const nowMs of clock.ticks(10, canceled.signal)) {
      seen.push(nowMs - startMs);
      if (seen.length === 1) await clock.sleep(25, never);
    }
  })();

  await clock.advance(50);
  canceled.abort();
  await consumer;

  expect(seen).toEqual([10, 40, 50]);
});

test('suspend moves boot and wall time but not the monotonic clock', () => {
  const clock = createFakeClock();
  const before = { now: clock.now(), monotonic: clock.monotonic(), boot: clock.boot() };

  clock.suspend(5_000);

  expect(clock.now() - before.now).toBe(5_000);
  expect(clock.boot() - before.boot).toBe(5_000);
  expect(clock.monotonic()).toBe(before.monotonic);
});
