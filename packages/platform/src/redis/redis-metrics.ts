import type { Counter, Metrics } from '@meshwork/shared';

/** Metrics of the embedded Redis. */
export interface RedisMetrics {
  readonly restarts: Counter;
}

/** Makes them; once per process. `freeBytes` is asked at each scrape. */
export function createRedisMetrics(metrics: Metrics, freeBytes: () => number): RedisMetrics {
  metrics.gauge({
    name: 'mesh_main_store_disk_free_bytes',
    help: 'Free space of the disk that the embedded store writes to.',
    collect: freeBytes,
  });
  return {
    restarts: metrics.counter({
      name: 'mesh_main_redis_restarts_total',
      help: 'Times the embedded Redis was started again.',
    }),
  };
}
