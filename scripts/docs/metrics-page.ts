import type { MetricOptions, Metrics } from '@meshwork/shared';

import { toCode, toNotice, toTable } from './markdown.ts';

/** One metric as it was made. */
export interface MetricDoc {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
}

/** A `Metrics` that measures nothing and notes in `docs` what is made of it. */
export function createMetricsRecorder(docs: MetricDoc[]): Metrics {
  function note(type: MetricDoc['type'], { name, help, labels = [] }: MetricOptions): void {
    docs.push({ name, help, type, labels });
  }
  return {
    counter(options) {
      note('counter', options);
      return { inc: () => undefined };
    },
    gauge(options) {
      note('gauge', options);
      return { set: () => undefined, remove: () => undefined };
    },
    histogram(options) {
      note('histogram', options);
      return { observe: () => undefined };
    },
  };
}

/** All metrics of all daemons, by name; a metric that two daemons make stands there once. */
export function renderMetrics(docs: readonly MetricDoc[]): string {
  const unique = new Map(docs.map((doc) => [doc.name, doc]));
  const rows = [...unique.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, help }) => [
      toCode(name),
      type,
      labels.map(toCode).join(', '),
      help,
    ]);
  return [
    toNotice('the metrics.ts files of packages/*/src'),
    '# Metrics',
    '',
    'The main node serves its own at `/metrics` and what each node sends at `/metrics/nodes/NAME`, in',
    'the Prometheus text format; so a scraper needs one address. The `process_` and `nodejs_` metrics',
    'of prom-client come with each daemon.',
    '',
    ...toTable(['Name', 'Type', 'Labels', 'Meaning'], rows),
    '',
  ].join('\n');
}
