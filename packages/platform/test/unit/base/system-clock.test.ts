import { expect, test } from 'vitest';
import { createSystemClock } from '../../../src/base/system-clock.ts';

test('sleep rejects with the reason of the signal, also when it was aborted before', async () => {
  const clock = createSystemClock();
  const canceled = new AbortController();
  const reason = new Error('stopping');

  const slept = expect(clock.sleep(60_000, canceled.signal)).rejects.toBe(reason);
  canceled.abort(reason);
  await slept;
  await expect(clock.sleep(0, canceled.signal)).rejects.toBe(reason);
});

test('ticks end without an error when the signal aborts', async () => {
  const clock = createSystemClock();
  const canceled = new AbortController();
  const seen: number[] = [];

  for await (const nowMs of clock.ticks(1, canceled.signal)) {
    seen.push(nowMs);
    if (seen.length === 3) canceled.abort();
  }

  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen).toHaveLength(3);
});

test('boot time moves with the monotonic clock while the machine is awake', () => {
  const clock = createSystemClock();

  const offsetMs = clock.boot() - clock.monotonic();
  expect(Math.abs(clock.boot() - clock.monotonic() - offsetMs)).toBeLessThan(1_000);
  expect(clock.boot()).toBeGreaterThan(0);
});
