import type { Counter, Metrics } from '@meshwork/shared';

/** What is counted of the heartbeats. */
export interface HeartbeatMetrics {
  readonly sent: Counter;
}

/** Makes the metrics of the heartbeats; once per daemon. */
export function createHeartbeatMetrics(metrics: Metrics): HeartbeatMetrics {
  return {
    sent: metrics.counter({
      name: 'mesh_worker_node_heartbeats_sent_total',
      help: 'Heartbeats that were handed to the connection.',
    }),
  };
}
