import { defineConfig } from 'vitest/config';

const common = { retry: 0, environment: 'node' } as const;

export default defineConfig({
  test: {
    ...common,
    projects: [
      { test: { ...common, name: 'unit', include: ['packages/*/test/unit/**/*.test.ts'] } },
      { test: { ...common, name: 'contract', include: ['packages/*/test/contract/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { ...common, name: 'integration', include: ['test/integration/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { ...common, name: 'fault', include: ['test/fault/**/*.test.ts'], testTimeout: 120_000, fileParallelism: false } },
      { test: { ...common, name: 'compat', include: ['test/compat/**/*.test.ts'] } },
    ],
  },
});
