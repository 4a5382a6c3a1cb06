/**
 * Time, handed down instead of read. Wall clock for people, monotonic for durations, boot time for leases and ages.
 */
export interface Clock {
  /** Wall-clock milliseconds since 1970; may jump when the machine's time is set. For people and records only. */
  now(): number;
  /** Milliseconds that never go back; stands still while the machine sleeps. For durations and timeouts. */
  monotonic(): number;
  /** Milliseconds since the machine booted, counting the time it slept. For leases and ages; 10 ms resolution. */
  boot(): number;
  /** Resolves `ms` later. Rejects with the signal's reason once it aborts; at once when it already has. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /**
   * Yields `monotonic()` about every `everyMs`, first after one interval. A consumer that is slower than the interval
   * misses ticks instead of getting them in a burst. Ends, without an error, when the signal aborts.
   */
  ticks(everyMs: number, signal: AbortSignal): AsyncIterable<number>;
}
