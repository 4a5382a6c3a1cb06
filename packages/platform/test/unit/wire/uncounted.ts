import type { WireMetrics } from '../../../src/wire/wire-metrics.ts';

/** Metrics that count nothing. */
export function createUncounted(): WireMetrics {
  return {
    dropped() {},
    hello() {},
    received() {},
    sent() {},
    request() {},
    ended() {},
    rebound() {},
  };
}
