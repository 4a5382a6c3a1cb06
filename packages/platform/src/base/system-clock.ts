import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { tickEvery, type Clock } from '@meshwork/shared';

/** Node's timers take at most this; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clocks. `boot` reads /proc/uptime, which counts suspend; elsewhere the system's uptime. */
export function createSystemClock(): Clock {
  const clock: Clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    boot: readBootMs,
    sleep,
    ticks: (everyMs, signal) => tickEvery(clock, everyMs, signal),
  };
  return clock;
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    for (let leftMs = ms; leftMs > 0; leftMs -= LONGEST_TIMER_MS) {
      await delay(Math.min(leftMs, LONGEST_TIMER_MS), undefined, { signal });
    }
    signal.throwIfAborted();
  } catch (error) {
    // Node rejects with an AbortError of its own; the reason says who canceled and why.
    throw signal.aborted ? signal.reason : error;
  }
}

function readBootMs(): number {
  try {
    return Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 1000);
  } catch {
    return Math.round(uptime() * 1000);
  }
}
