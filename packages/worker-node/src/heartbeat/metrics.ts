import type { Counter, Metrics } from '@meshwork/shared';

/** Counts the heartbeats that left; once per daemon. */
export function createSentCounter(metrics: Metrics): Counter {
  return metrics.counter({
    name: 'mesh_worker_node_heartbeats_sent_total',
    help: 'Heartbeats that were handed to the connection.',
  });
}
