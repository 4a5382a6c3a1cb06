import type { Counter, Metrics } from '@meshwork/shared';

/** What is counted at the agent links. */
export interface LinkMetrics {
  /** Label `why`: token, protocol, replaced. */
  readonly hellosRefused: Counter;
  /** Frames that were dropped; label `why`: odd, invalid, unknown-peer, late-answer. */
  readonly framesDropped: Counter;
}

/** Makes the metrics of the agent links; once per daemon. */
export function createLinkMetrics(metrics: Metrics): LinkMetrics {
  return {
    hellosRefused: metrics.counter({
      name: 'mesh_worker_node_link_hellos_refused_total',
      help: 'Hellos on agent links that were refused.',
      labels: ['why'],
    }),
    framesDropped: metrics.counter({
      name: 'mesh_worker_node_link_frames_dropped_total',
      help: 'Frames on agent links that were dropped.',
      labels: ['why'],
    }),
  };
}
