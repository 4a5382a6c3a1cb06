import { createFakeClock } from '@meshwork/testkit';
import { expect, test } from 'vitest';
import { createLinkTime } from '../../../src/wire/link-time.ts';

test('follows the boot clock without reading it for each frame', async () => {
  const clock = createFakeClock();
  let reads = 0;
  const bootMs = createLinkTime({
    now: clock.now,
    monotonic: clock.monotonic,
    boot() {
      reads += 1;
      return clock.boot();
    },
  });

  for (let n = 0; n < 100; n += 1) {
    expect(bootMs()).toBe(clock.boot());
    await clock.advance(10);
  }

  expect(reads).toBe(1);
});

test('counts the time that the machine slept', () => {
  const clock = createFakeClock();
  const bootMs = createLinkTime(clock);
  bootMs();

  clock.suspend(3_600_000);

  expect(bootMs()).toBe(clock.boot());
});

test('a wall clock that somebody sets moves nothing', () => {
  const clock = createFakeClock();
  const bootMs = createLinkTime(clock);
  const beforeMs = bootMs();

  clock.setNow(clock.now() + 86_400_000);

  expect(bootMs()).toBe(beforeMs);
});
