import { createFakeClock } from '@meshwork/testkit';
import type { Component, Logger } from '@meshwork/shared';
import { expect, test } from 'vitest';
import { runComponents } from '../../../src/base/run-components.ts';

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

function recorded(name: string, seen: string[], override: Partial<Component> = {}): Component {
  return {
    name,
    start: async () => void seen.push(`start ${name}`),
    stop: async () => void seen.push(`stop ${name}`),
    ...override,
  };
}

const never = new AbortController().signal;

test('starts in order and stops in reverse', async () => {
  const seen: string[] = [];
  const all = runComponents([recorded('a', seen), recorded('b', seen)], {
    name: 'daemon',
    clock: createFakeClock(),
    logger: quiet,
  });

  await all.start(never);
  await all.stop(never);
  await all.stop(never);

  expect(seen).toEqual(['start a', 'start b', 'stop b', 'stop a']);
});

test('stops what had started when a later one fails, and says the failure', async () => {
  const seen: string[] = [];
  const failing = recorded('b', seen, { start: () => Promise.reject(new Error('no port')) });
  const all = runComponents([recorded('a', seen), failing, recorded('c', seen)], {
    name: 'daemon',
    clock: createFakeClock(),
    logger: quiet,
  });

  await expect(all.start(never)).rejects.toThrow('no port');

  expect(seen).toEqual(['start a', 'stop a']);
});

test('leaves a component that outstays the deadline and still stops the others', async () => {
  const clock = createFakeClock();
  const seen: string[] = [];
  const hanging = recorded('b', seen, { stop: () => new Promise(() => {}) });
  const all = runComponents([recorded('a', seen), hanging], {
    name: 'daemon',
    clock,
    logger: quiet,
    releaseMs: 500,
  });
  const deadline = new AbortController();
  await all.start(never);

  const stopped = all.stop(deadline.signal);
  await clock.advance(10_000);
  expect(seen).toEqual(['start a', 'start b']);
  deadline.abort();
  await clock.advance(500);
  await stopped;

  expect(seen).toEqual(['start a', 'start b', 'stop a']);
  expect(clock.pending()).toBe(0);
});

test('aborts a start that is still going on when stop is called', async () => {
  const seen: string[] = [];
  const waiting = recorded('b', seen, {
    start: (signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
      ),
  });
  const all = runComponents([recorded('a', seen), waiting], {
    name: 'daemon',
    clock: createFakeClock(),
    logger: quiet,
  });

  const started = all.start(never);
  const failed = expect(started).rejects.toThrow('daemon is stopping');
  await all.stop(never);
  await failed;

  expect(seen).toEqual(['start a', 'stop a']);
});
