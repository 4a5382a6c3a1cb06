import { Incarnation, type NodeHeartbeat } from '@meshwork/shared';
import { createFakeClock } from '@meshwork/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { openLoopBoard, threadClockMs } from '../../../src/heartbeat/loop-board.ts';
import { createHeartbeats } from '../../../src/heartbeat/create-heartbeats.ts';

function start(options: { readonly endAfterMs?: number } = {}) {
  const clock = createFakeClock();
  const sent: NodeHeartbeat[] = [];
  const stuck: number[] = [];
  const stopping = new AbortController();
  const loop = { turnedAtMs: clock.monotonic(), lagMs: 0, counted: 0 };
  let content = { incarnation: Incarnation.parse(3), instancesDigest: 'one' };
  const heartbeats = createHeartbeats(
    {
      clock,
      nowMs: () => clock.monotonic(),
      startedAtMs: clock.monotonic(),
      board: {
        get turnedAtMs() {
          return loop.turnedAtMs;
        },
        takeLagMs: () => loop.lagMs,
        countSent: () => (loop.counted += 1),
      },
      send(heartbeat) {
        sent.push(heartbeat);
        return 'queued';
      },
      readMachine: () => ({ load1: 0.5, memoryUsedRatio: 0.25 }),
      content: () => content,
      onStuck: (silentMs) => stuck.push(silentMs),
    },
    { everyMs: 500, endAfterMs: options.endAfterMs ?? 60_000 },
  );
  const running = heartbeats.run(stopping.signal);
  onTestFinished(async () => {
    stopping.abort();
    await running;
  });
  return {
    clock,
    sent,
    stuck,
    heartbeats,
    loop,
    stopping,
    running,
    change: (changed: Partial<typeof content>) => (content = { ...content, ...changed }),
  };
}

test('sends one heartbeat each interval, numbered, with what the daemon last said', async () => {
  const { clock, sent, loop, change } = start();

  loop.lagMs = 12.4;
  await clock.advance(500);
  change({ incarnation: Incarnation.parse(4), instancesDigest: 'two' });
  await clock.advance(500);

  expect(sent).toEqual([
    {
      incarnation: 3,
      instancesDigest: 'one',
      sequence: 0,
      loopSilentMs: 500,
      loopLagMs: 12,
      load1: 0.5,
      memoryUsedRatio: 0.25,
      uptimeMs: 500,
    },
    expect.objectContaining({
      incarnation: 4,
      instancesDigest: 'two',
      sequence: 1,
      uptimeMs: 1000,
    }),
  ]);
  expect(loop.counted).toBe(2);
});

test('goes on while the loop is silent, and says for how long it has been', async () => {
  const { clock, sent } = start();

  await clock.advance(3000);

  expect(sent.map(({ loopSilentMs }) => loopSilentMs)).toEqual([500, 1000, 1500, 2000, 2500, 3000]);
});

test('sends one more at once for a new connection, and keeps its pace', async () => {
  const { clock, sent, heartbeats } = start();

  await clock.advance(200);
  heartbeats.beat();
  await clock.advance(300);

  expect(sent.map(({ sequence, uptimeMs }) => [sequence, uptimeMs])).toEqual([
    [0, 200],
    [1, 500],
  ]);
});

test('gives the daemon up once, after its last heartbeat', async () => {
  const { clock, sent, stuck } = start({ endAfterMs: 2000 });

  await clock.advance(10_000);

  expect(stuck).toEqual([2500]);
  expect(sent).toHaveLength(5);
});

test('ends when it is told to', async () => {
  const { clock, sent, stopping, running } = start();

  await clock.advance(500);
  stopping.abort();
  await running;
  await clock.advance(5000);

  expect(sent).toHaveLength(1);
});

test('a board shows what its other end wrote', () => {
  const loop = openLoopBoard();
  const thread = openLoopBoard(loop.buffer);
  const beforeMs = threadClockMs();

  loop.stamp(3.5);
  loop.stamp(1);
  thread.countSent();

  expect(thread.turnedAtMs).toBeGreaterThanOrEqual(beforeMs - 0.001);
  expect(thread.turnedAtMs).toBeLessThanOrEqual(threadClockMs());
  expect(thread.takeLagMs()).toBe(3.5);
  expect(thread.takeLagMs()).toBe(0);
  expect(loop.sent).toBe(1);
});
