import type { TestProjectInlineConfiguration } from 'vitest/config';
import { defineConfig } from 'vitest/config';

import { createSummaryReporter } from './scripts/vitest-summary.ts';

// Tests say themselves what they set: neither a mesh of the developer's nor Python's buffering,
// which decides whether an agent's output is seen, reaches them from outside.
for (const name of Object.keys(process.env)) {
  if (name.startsWith('MESH_') || name === 'PYTHONUNBUFFERED') delete process.env[name];
}

const isLong = process.env['MESHWORK_LONG'] === '1';

interface Kind {
  readonly include: readonly string[];
  /** For the whole project in a short run; reported, never enforced: a busy machine is no bug. */
  readonly budgetMs: number;
  readonly testTimeoutMs: number;
  /** One file at a time, for tests that need the machine for themselves. */
  readonly isSerial?: boolean;
  /** All files of a worker in one process: saves a process per file where no test holds any state. */
  readonly isShared?: boolean;
}

/** In the order in which they run. */
const KINDS = new Map<string, Kind>([
  [
    'unit',
    {
      include: ['packages/*/test/unit/**/*.test.ts', 'scripts/test/**/*.test.ts'],
      budgetMs: 15_000,
      testTimeoutMs: 5_000,
      isShared: true,
    },
  ],
  [
    'contract',
    {
      include: ['packages/*/test/contract/**/*.test.ts'],
      budgetMs: 60_000,
      testTimeoutMs: 30_000,
    },
  ],
  ['compat', { include: ['test/compat/**/*.test.ts'], budgetMs: 60_000, testTimeoutMs: 30_000 }],
  [
    'integration',
    {
      include: ['test/integration/**/*.test.ts'],
      budgetMs: 180_000,
      testTimeoutMs: 60_000,
      isSerial: true,
    },
  ],
  [
    'fault',
    {
      include: ['test/fault/**/*.test.ts'],
      budgetMs: 240_000,
      testTimeoutMs: isLong ? 1_800_000 : 120_000,
      isSerial: true,
    },
  ],
]);

export default defineConfig({
  test: {
    reporters: [
      'default',
      createSummaryReporter(new Map([...KINDS].map(([name, kind]) => [name, kind.budgetMs])), {
        mustRunAll: process.env['MESHWORK_CI'] === '1',
      }),
    ],
    projects: [...KINDS].map(([name, kind], order) => toProject(name, kind, order)),
  },
});

function toProject(name: string, kind: Kind, order: number): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include: [...kind.include],
      environment: 'node',
      pool: 'forks',
      isolate: kind.isShared !== true,
      maxWorkers: kind.isSerial === true ? 1 : 2,
      sequence: { groupOrder: order },
      retry: 0,
      testTimeout: kind.testTimeoutMs,
      hookTimeout: Math.max(kind.testTimeoutMs, 10_000),
      setupFiles: ['packages/testkit/src/vitest-leak-check.ts'],
    },
  };
}
