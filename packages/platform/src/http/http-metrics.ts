import type { Histogram, Metrics } from '@meshwork/shared';

/** Metrics of one HTTP server. */
export interface HttpMetrics {
  /** Labels: route, status. */
  readonly seconds: Histogram;
}

/** Makes them, named after the daemon (`main`, `worker`); once per process. */
export function createHttpMetrics(metrics: Metrics, daemon = 'main'): HttpMetrics {
  return {
    seconds: metrics.histogram({
      name: `mesh_${daemon}_http_request_seconds`,
      help: 'Time from a request to the end of its answer; event streams are not counted.',
      labels: ['route', 'status'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    }),
  };
}
