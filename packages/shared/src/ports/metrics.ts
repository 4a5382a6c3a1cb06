/** Values of a metric's labels, by label name. Ids are never labels unless bounded (node, agent, queue are). */
export type MetricLabels = Readonly<Record<string, string | number>>;

/** What a metric is called and says. Names are `mesh_<daemon>_<noun>_<unit>`; counters end in `_total`. */
export interface MetricOptions {
  readonly name: string;
  readonly help: string;
  /** Names of the labels that every observation carries. Default: none. */
  readonly labels?: readonly string[];
}

/** A number that only rises. */
export interface Counter {
  /** Adds `by` (default 1). */
  inc(labels?: MetricLabels, by?: number): void;
}

/** A number that goes up and down. */
export interface Gauge {
  set(value: number, labels?: MetricLabels): void;
  /** Forgets the series of these labels, e.g. when a node is removed. */
  remove(labels: MetricLabels): void;
}

/** A distribution in buckets. */
export interface Histogram {
  observe(value: number, labels?: MetricLabels): void;
}

/** Makes the metrics of one daemon. A name may be made once. */
export interface Metrics {
  counter(options: MetricOptions): Counter;
  /** `collect` is asked for the current value at each scrape; a gauge with it needs no `set`. */
  gauge(options: MetricOptions & { readonly collect?: () => number }): Gauge;
  /** `buckets` are upper bounds, rising. */
  histogram(options: MetricOptions & { readonly buckets: readonly number[] }): Histogram;
}
