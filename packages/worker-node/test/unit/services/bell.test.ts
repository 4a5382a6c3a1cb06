import { createFakeClock } from '@meshwork/testkit';
import { describe, expect, it } from 'vitest';
import { createBell } from '../../../src/services/bell.ts';

const never = new AbortController().signal;

describe('a wait', () => {
  it('ends at a ring, and at once when it rang before', async () => {
    const bell = createBell(createFakeClock());
    const waits = bell.wait(1_000, never);

    bell.ring();
    await waits;
    bell.ring();
    bell.ring();
    await bell.wait(1_000, never);

    bell.close();
  });

  it('ends after its time, also when rings ended earlier ones', async () => {
    const clock = createFakeClock();
    const bell = createBell(clock);
    for (let time = 0; time < 3; time += 1) {
      const rung = bell.wait(1_000, never);
      bell.ring();
      await rung;
    }
    let isOver = false;
    const waits = bell.wait(500, never).then(() => (isOver = true));

    await clock.advance(499);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await waits;

    expect(clock.pending()).toBe(0);
  });

  it('ends when it is canceled, and leaves no timer once the bell is closed', async () => {
    const clock = createFakeClock();
    const bell = createBell(clock);
    const canceling = new AbortController();
    const waits = bell.wait(1_000, canceling.signal);

    canceling.abort();
    await waits;
    bell.close();

    expect(clock.pending()).toBe(0);
  });
});
