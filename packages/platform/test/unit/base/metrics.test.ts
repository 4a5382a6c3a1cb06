import { expect, test } from 'vitest';
import { createMetrics } from '../../../src/base/metrics.ts';

test('two registries in one process do not share a metric', async () => {
  const one = createMetrics({ processMetrics: false });
  const other = createMetrics({ processMetrics: false });

  one
    .counter({ name: 'mesh_main_calls_total', help: 'Calls.', labels: ['node'] })
    .inc({ node: 'pc2' });
  other.counter({ name: 'mesh_main_calls_total', help: 'Calls.', labels: ['node'] });

  expect(await one.expose()).toContain('mesh_main_calls_total{node="pc2"} 1');
  expect(await other.expose()).not.toContain('pc2');
});

test('a collected gauge shows the value at the time of the scrape', async () => {
  const metrics = createMetrics({ processMetrics: false });
  let depth = 1;
  metrics.gauge({ name: 'mesh_main_queue_messages', help: 'Waiting.', collect: () => depth });

  depth = 7;

  expect(await metrics.expose()).toContain('mesh_main_queue_messages 7');
});

test('process metrics are there by default', async () => {
  expect(await createMetrics().expose()).toContain('process_resident_memory_bytes');
});
