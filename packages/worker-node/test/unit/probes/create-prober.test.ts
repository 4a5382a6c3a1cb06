import { Health, InstanceId, type Logger } from '@meshwork/shared';
import { createFakeClock, type FakeClock } from '@meshwork/testkit';
import { expect, onTestFinished, test } from 'vitest';
import type { ProbeAnswer, ProbeAsk } from '../../../src/probes/ask.ts';
import { createProber, type OwnedProber } from '../../../src/probes/create-prober.ts';
import type { ProbeResult } from '../../../src/services/ports.ts';

const never = new AbortController().signal;
const target = { instance: InstanceId.parse('shard.0'), ports: {} };
const health = Health.parse({ link: {}, interval: '5s', timeout: '1s', failures: 2 });
const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
};

/** An instance that answers when the test says so. */
function createInstance(): {
  readonly ask: ProbeAsk;
  readonly asked: () => number;
  readonly waiting: () => number;
  readonly isClosed: () => boolean;
  answer(answer: ProbeAnswer): void;
} {
  const open: ((answer: ProbeAnswer) => void)[] = [];
  let asked = 0;
  let isClosed = false;
  return {
    asked: () => asked,
    waiting: () => open.length,
    isClosed: () => isClosed,
    answer(answer) {
      for (const resolve of open.splice(0)) resolve(answer);
    },
    ask: {
      ask({ signal }) {
        asked += 1;
        return new Promise((resolve) => {
          open.push(resolve);
          signal.addEventListener('abort', () => resolve({ ok: false, detail: 'canceled' }));
        });
      },
      close() {
        isClosed = true;
      },
    },
  };
}

async function start(
  ask: ProbeAsk,
): Promise<{ readonly clock: FakeClock; readonly prober: OwnedProber }> {
  const clock = createFakeClock();
  const prober = createProber({
    clock,
    random: { next: () => 0, bytes: (count) => new Uint8Array(count) },
    logger: silent,
    openAsk: () => ask,
  });
  await prober.start(never);
  onTestFinished(() => prober.stop(never));
  return { clock, prober };
}

test('asks at once, hurries until the first good answer, then keeps the interval', async () => {
  const instance = createInstance();
  const { clock, prober } = await start(instance.ask);
  const results: ProbeResult[] = [];

  prober.watch(target, health, (result) => results.push(result));
  await clock.advance(0);
  instance.answer({ ok: false, detail: 'starting' });
  await clock.advance(60);
  instance.answer({ ok: true });
  await clock.advance(4900);
  const askedBeforeInterval = instance.asked();
  await clock.advance(200);

  expect(results.map(({ ok }) => ok)).toEqual([false, true]);
  expect(askedBeforeInterval).toBe(2);
  expect(instance.asked()).toBe(3);
});

test('tells how long an answer took, and cuts what it says to 200 characters', async () => {
  const instance = createInstance();
  const { clock, prober } = await start(instance.ask);
  const results: ProbeResult[] = [];

  prober.watch(target, health, (result) => results.push(result));
  await clock.advance(30);
  instance.answer({ ok: true, detail: 'x'.repeat(500) });
  await clock.advance(0);

  expect(results).toEqual([{ ok: true, durationMs: 30, detail: 'x'.repeat(200) }]);
});

test('is asked no more, and nothing is told, once it is no longer watched', async () => {
  const instance = createInstance();
  const { clock, prober } = await start(instance.ask);
  const results: ProbeResult[] = [];

  prober.watch(target, health, (result) => results.push(result));
  await clock.advance(0);
  prober.unwatch(target.instance);
  await clock.advance(60_000);

  expect(results).toEqual([]);
  expect(instance.asked()).toBe(1);
  expect(instance.isClosed()).toBe(true);
});

test('a second watch of the same instance takes the place of the first', async () => {
  const instance = createInstance();
  const { clock, prober } = await start(instance.ask);
  const told: string[] = [];

  prober.watch(target, health, () => told.push('first'));
  await clock.advance(0);
  prober.watch(target, health, () => told.push('second'));
  await clock.advance(0);
  instance.answer({ ok: true });
  await clock.advance(0);

  expect(told).toEqual(['second']);
});

test('asks without delay when there is a reason to', async () => {
  const instance = createInstance();
  const { clock, prober } = await start(instance.ask);

  prober.watch(target, health, () => {});
  await clock.advance(0);
  instance.answer({ ok: true });
  await clock.advance(1000);
  prober.hurry(target.instance);

  expect(instance.asked()).toBe(2);
});

test('a single probe answers by itself and leaves the watch alone', async () => {
  const instance = createInstance();
  const { clock, prober } = await start(instance.ask);

  const probing = prober.probe(target, health, { timeoutMs: 500 });
  await clock.advance(10);
  instance.answer({ ok: true, detail: 'fine' });

  expect(await probing).toEqual({ ok: true, durationMs: 10, detail: 'fine' });
});

test('stop cancels what is under way and ends', async () => {
  const instance = createInstance();
  const { clock, prober } = await start(instance.ask);
  prober.watch(target, health, () => {});
  await clock.advance(0);

  await prober.stop(never);

  expect(instance.isClosed()).toBe(true);
  expect(clock.pending()).toBe(0);
});

test('one timer serves all instances', async () => {
  const instance = createInstance();
  const { clock, prober } = await start(instance.ask);

  for (let n = 0; n < 50; n += 1) {
    prober.watch({ instance: InstanceId.parse(`a.${n}`), ports: {} }, health, () => {});
  }
  await clock.advance(0);
  expect(instance.waiting()).toBe(50);
  instance.answer({ ok: true });
  await clock.advance(0);

  expect(clock.pending()).toBe(1);
});
