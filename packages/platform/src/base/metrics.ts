import * as prom from 'prom-client';
import type { Metrics } from '@meshwork/shared';

/** The metrics of one daemon, with what a scraper gets. */
export interface MetricsRegistry extends Metrics {
  /** The Prometheus text format. */
  expose(): Promise<string>;
  readonly contentType: string;
}

/**
 * A registry of its own, never prom-client's global one.
 *
 * `processMetrics` (default true) adds CPU, memory, event-loop lag and garbage collection of this process.
 */
export function createMetrics(
  options: { readonly processMetrics?: boolean } = {},
): MetricsRegistry {
  const registry = new prom.Registry();
  const registers = [registry];
  if (options.processMetrics ?? true) prom.collectDefaultMetrics({ register: registry });

  return {
    counter({ name, help, labels = [] }) {
      const counter = new prom.Counter({ name, help, labelNames: [...labels], registers });
      return { inc: (values = {}, by = 1) => counter.inc(values, by) };
    },
    gauge({ name, help, labels = [], collect }) {
      const gauge: prom.Gauge = new prom.Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        ...(collect && { collect: () => gauge.set(collect()) }),
      });
      return {
        set: (value, values = {}) => gauge.set(values, value),
        remove: (values) => gauge.remove(values),
      };
    },
    histogram({ name, help, labels = [], buckets }) {
      const histogram = new prom.Histogram({
        name,
        help,
        labelNames: [...labels],
        buckets: [...buckets],
        registers,
      });
      return { observe: (value, values = {}) => histogram.observe(values, value) };
    },
    expose: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
