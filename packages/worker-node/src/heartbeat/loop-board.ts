/**
 * What the daemon's event loop writes and the heartbeat thread reads, without either waiting for the other.
 *
 * Times are milliseconds of the machine's monotonic clock, which all threads of a process share (`performance.now` counts from
 * the start of each thread).
 */
export interface LoopBoard {
  /** Handed to the other thread. */
  readonly buffer: SharedArrayBuffer;
  /** The loop turned now, `lagMs` later than it should have. */
  stamp(lagMs: number): void;
  /** When the loop last turned. */
  readonly turnedAtMs: number;
  /** The largest lag since this was last taken. */
  takeLagMs(): number;
  /** Notes one heartbeat that left. */
  countSent(): void;
  readonly sent: number;
}

const TURNED_AT = 0;
const MAX_LAG = 1;
const SENT = 2;
const FIELDS = 3;

/** A new board, or the one that another thread made. */
export function openLoopBoard(
  buffer = new SharedArrayBuffer(FIELDS * BigInt64Array.BYTES_PER_ELEMENT),
): LoopBoard {
  // Integers of 64 bits, in microseconds: Atomics knows no floating point.
  const fields = new BigInt64Array(buffer);
  return {
    buffer,
    stamp(lagMs) {
      const lag = toMicroseconds(lagMs);
      if (lag > Atomics.load(fields, MAX_LAG)) Atomics.store(fields, MAX_LAG, lag);
      Atomics.store(fields, TURNED_AT, toMicroseconds(threadClockMs()));
    },
    get turnedAtMs() {
      return toMs(Atomics.load(fields, TURNED_AT));
    },
    takeLagMs: () => toMs(Atomics.exchange(fields, MAX_LAG, 0n)),
    countSent() {
      Atomics.add(fields, SENT, 1n);
    },
    get sent() {
      return Number(Atomics.load(fields, SENT));
    },
  };
}

/** Milliseconds of the clock that all threads share. */
export function threadClockMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

function toMicroseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1000));
}

function toMs(microseconds: bigint): number {
  return Number(microseconds) / 1000;
}
