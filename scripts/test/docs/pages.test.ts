import { describeConfig } from '@meshwork/platform';
import { MainNodeConfig, WorkerNodeConfig } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { renderCli } from '../../docs/cli-page.ts';
import { renderConfigFile } from '../../docs/config-file.ts';
import { renderErrors } from '../../docs/errors-page.ts';
import { renderJsonSchemas } from '../../docs/json-schemas.ts';
import { toTable } from '../../docs/markdown.ts';
import type { MetricDoc } from '../../docs/metrics-page.ts';
import { createMetricsRecorder, renderMetrics } from '../../docs/metrics-page.ts';

describe('the shipped config file', () => {
  it.each([
    ['main node', MainNodeConfig],
    ['worker node', WorkerNodeConfig],
  ])('of the %s holds exactly the defaults of its schema', (_, schema) => {
    const text = renderConfigFile('Title', 'file.json', describeConfig(schema));

    expect(schema.parse(parse(text))).toEqual(schema.parse({}));
  });

  it('names every key, with those that may be absent as comments', () => {
    const schema = z.strictObject({
      name: z.string().optional().describe('Who.'),
      http: z
        .strictObject({ host: z.string().default('::1'), port: z.int().default(80) })
        .prefault({}),
    });

    const text = renderConfigFile('Title', 'file.json', describeConfig(schema));

    expect(text.split('\n').slice(2)).toEqual([
      '',
      '# Who.',
      '# name:',
      '',
      'http:',
      '  host: "::1"',
      '  port: 80',
      '',
    ]);
  });
});

it('a table cell may hold a pipe and line ends', () => {
  expect(toTable(['A'], [['x | y\n z']])).toEqual(['| A |', '| --- |', '| x \\| y z |']);
});

it('the page of errors has a row a code', () => {
  const row = { http: 404, exit: 6, retryable: false, doc: 'Gone.' } as const;

  expect(renderErrors({ MESH_X_UNKNOWN: row })).toContain(
    '| `MESH_X_UNKNOWN` | 404 | 6 | no | Gone. |',
  );
});

it('the page of the command line shows options with their values and examples', () => {
  const page = renderCli(
    [
      {
        path: 'node invite',
        block: 'Set up',
        summary: 'Prints a token.',
        args: '[NAME]',
        options: { uses: { type: 'string', short: 'u', value: 'N', help: 'How often.' } },
        examples: ['mesh node invite pc2'],
      },
    ],
    {},
  );

  expect(page).toContain('mesh node invite [NAME]');
  expect(page).toContain('| `-u, --uses N` | How often. |');
  expect(page).toContain('mesh node invite pc2');
});

it('the page of metrics lists what is made of a recorder, by name', () => {
  const docs: MetricDoc[] = [];
  const recorder = createMetricsRecorder(docs);
  recorder.gauge({ name: 'mesh_b', help: 'B.', labels: ['node'] }).set(1);
  recorder.counter({ name: 'mesh_a_total', help: 'A.' }).inc();

  const rows = renderMetrics(docs)
    .split('\n')
    .filter((line) => line.startsWith('| `'));

  expect(rows).toEqual([
    '| `mesh_a_total` | counter |  | A. |',
    '| `mesh_b` | gauge | `node` | B. |',
  ]);
});

it('the schema of a fleet file takes defaults and agents with any part of the fields', () => {
  const text = renderJsonSchemas().get('fleet.json') ?? '';
  const schema = z.fromJSONSchema(JSON.parse(text) as z.core.JSONSchema.JSONSchema);

  const fleet = { fleet: 'home', defaults: { cwd: '/srv' }, agents: { a: { command: ['true'] } } };
  expect(schema.safeParse(fleet).success).toBe(true);
  expect(schema.safeParse({ ...fleet, agents: { a: { comand: ['true'] } } }).success).toBe(false);
});
