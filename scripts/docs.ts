/**
 * `pnpm run docs`: writes the pages and schemas that are generated from code.
 *
 * `pnpm run docs --check` writes nothing and fails when one of them is not what would be written.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commands, commonOptions } from '@meshwork/cli';
import { describeConfig } from '@meshwork/platform';
import { errorTable, MainNodeConfig, WorkerNodeConfig } from '@meshwork/shared';
import type { Metrics } from '@meshwork/shared';

import { renderCli } from './docs/cli-page.ts';
import { renderConfigFile } from './docs/config-file.ts';
import { renderConfig } from './docs/config-page.ts';
import { renderErrors } from './docs/errors-page.ts';
import { renderJsonSchemas } from './docs/json-schemas.ts';
import type { MetricDoc } from './docs/metrics-page.ts';
import { createMetricsRecorder, renderMetrics } from './docs/metrics-page.ts';

const mainNodeKeys = describeConfig(MainNodeConfig);
const workerNodeKeys = describeConfig(WorkerNodeConfig);
const pages = new Map([
  ['docs/errors.md', renderErrors(errorTable)],
  [
    'docs/config.md',
    renderConfig([
      { title: 'Main node', file: 'config/main-node.yaml', keys: mainNodeKeys },
      { title: 'Worker node', file: 'config/worker-node.yaml', keys: workerNodeKeys },
    ]),
  ],
  ['docs/cli.md', renderCli(commands, commonOptions)],
  ['docs/metrics.md', renderMetrics(await recordMetrics())],
  ['config/main-node.yaml', renderConfigFile('Main node', 'main-node.json', mainNodeKeys)],
  ['config/worker-node.yaml', renderConfigFile('Worker node', 'worker-node.json', workerNodeKeys)],
  ...[...renderJsonSchemas()].map(([name, text]) => [`config/schema/${name}`, text] as const),
]);

const isCheck = process.argv.includes('--check');
const stale = [...pages].filter(([path, text]) => readText(path) !== text);
for (const [path, text] of stale) {
  console.log(`${isCheck ? 'stale, run pnpm run docs' : 'written'}: ${path}`);
  if (isCheck) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
console.log(`${pages.size} generated files, ${stale.length} ${isCheck ? 'stale' : 'written'}`);
process.exitCode = isCheck && stale.length > 0 ? 1 : 0;

/** Calls every `create...Metrics(metrics)` that a `metrics.ts` or `...-metrics.ts` exports; metrics are made nowhere else. */
async function recordMetrics(): Promise<readonly MetricDoc[]> {
  const docs: MetricDoc[] = [];
  const recorder = createMetricsRecorder(docs);
  for (const path of globSync(
    'packages/{main-node,worker-node,bridge,platform}/src/**/{metrics,*-metrics}.ts',
  ).toSorted()) {
    const module = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
    for (const [name, create] of Object.entries(module)) {
      if (!/^create\w+Metrics$/.test(name)) continue;
      (create as (metrics: Metrics, collect?: unknown) => unknown)(recorder, ...collectors(create));
    }
  }
  return docs;
}

/** What a metric with a `collect` is given here: nobody scrapes, so any of its values will do. */
function collectors(create: unknown): [unknown?] {
  const takesMore = typeof create === 'function' && create.length > 1;
  return takesMore ? [new Proxy({}, { get: () => () => 0 })] : [];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
