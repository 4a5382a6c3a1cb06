import { describe, expect, it } from 'vitest';

import { findImports, findLayerBreaks } from '../layers.ts';

/** Breaks of one file with one line of code. */
function breaksOf(path: string, text: string): readonly string[] {
  return findLayerBreaks([], [{ path, text }]);
}

describe('findLayerBreaks, per import', () => {
  it.each([
    ['packages/shared/src/ids.ts', "import { x } from '@meshwork/platform';"],
    ['packages/agent-sdk/src/connect.ts', "import { x } from '@meshwork/platform';"],
    ['packages/worker-node/src/app.ts', "import { x } from '@meshwork/main-node';"],
    ['packages/cli/src/main.ts', "import { x } from '@meshwork/main-node';"],
    ['packages/main-node/src/app.ts', "import { x } from '@meshwork/testkit';"],
    ['packages/main-node/src/app.ts', "import { x } from '@meshwork/shared/src/ids.ts';"],
    ['packages/main-node/src/app.ts', "import { x } from '../../shared/src/ids.ts';"],
    ['packages/main-node/test/unit/a.test.ts', "import { x } from '@meshwork/worker-node';"],
    ['test/fault/a.test.ts', "import { x } from '../../packages/shared/src/ids.ts';"],
    ['examples/agents/a.ts', "import { x } from '@meshwork/shared';"],
    ['packages/main-node/src/core/a.ts', "import { x } from '../services/b.ts';"],
    ['packages/main-node/src/core/a.ts', "import type { X } from '../services/b.ts';"],
    ['packages/main-node/src/core/a.ts', "import { readFile } from 'node:fs/promises';"],
    ['packages/main-node/src/services/a.ts', "import { x } from '../app.ts';"],
    ['packages/main-node/src/services/a.ts', "import { x } from '../app/routes.ts';"],
    ['packages/main-node/src/services/a.ts', "import { x } from '../main.ts';"],
    ['packages/main-node/src/services/a.ts', "import { x } from '@meshwork/platform';"],
    ['packages/main-node/src/services/a.ts', "export { x } from '@meshwork/platform';"],
    ['packages/main-node/src/routes/a.ts', "import { defineX, y } from '@meshwork/platform';"],
    ['packages/main-node/src/services/a.ts', "const x = await import('@meshwork/platform');"],
    ['packages/main-node/src/app.ts', "import { x } from './main.ts';"],
    ['packages/main-node/src/app.ts', "const home = process.env['HOME'];"],
    ['packages/main-node/src/services/a.ts', "process.once('SIGTERM', () => undefined);"],
    ['packages/cli/src/commands/up.ts', 'process.exit(1);'],
    ['packages/main-node/src/app.ts', "import { x } from '@meshwork/platform/base';"],
    ['packages/main-node/src/app.ts', "import { x } from '@meshwork/platform/uplink';"],
    ['packages/cli/src/a.ts', "import { x } from '@meshwork/shared/ids';"],
    ['packages/main-node/src/services/a.ts', "metrics.counter({ name: 'mesh_a_total' });"],
  ])('refuses %s: %s', (path, text) => {
    expect(breaksOf(path, text)).toHaveLength(1);
  });

  it.each([
    ['packages/platform/src/a.ts', "import { x } from '@meshwork/shared';"],
    ['packages/main-node/src/core/a.ts', "import { x } from './b.ts';\nimport { z } from 'zod';"],
    ['packages/main-node/src/services/a.ts', "import { x } from '../core/b.ts';"],
    ['packages/main-node/src/services/a.ts', "import type { X } from '@meshwork/platform';"],
    ['packages/main-node/src/services/a.ts', "import { type X } from '@meshwork/platform';"],
    ['packages/main-node/src/routes/a.ts', "import { defineRoute } from '@meshwork/platform';"],
    ['packages/main-node/src/app.ts', "import { x } from '@meshwork/platform';"],
    ['packages/cli/src/a.ts', "import { x } from '@meshwork/platform/base';"],
    ['packages/worker-node/src/a.ts', "import { x } from '@meshwork/platform/uplink';"],
    ['packages/main-node/src/main.ts', "import { x } from './app.ts';\nprocess.exit(x);"],
    ['packages/worker-node/src/heartbeat-main.ts', "import { x } from '@meshwork/platform';"],
    ['packages/main-node/test/unit/a.test.ts', "import { x } from '@meshwork/testkit';"],
    ['packages/main-node/test/unit/a.test.ts', "import { x } from '../../src/core/a.ts';"],
    ['test/fault/a.test.ts', "import { x } from '@meshwork/main-node';"],
    ['packages/main-node/src/metrics.ts', "metrics.counter({ name: 'mesh_a_total' });"],
    ['bench/wire.ts', "import { x } from '@meshwork/testkit';"],
    ['examples/agents/a.ts', "import { x } from '@meshwork/agent-sdk';"],
    ['packages/main-node/src/core/a.ts', "// import { x } from 'node:fs';\nconst y = 1;"],
  ])('accepts %s: %s', (path, text) => {
    expect(breaksOf(path, text)).toEqual([]);
  });
});

describe('findLayerBreaks, per package', () => {
  const manifest = { folder: 'shared', dependencies: ['zod'], exports: ['.'] };

  it('refuses any dependency of shared but zod', () => {
    const breaks = findLayerBreaks([{ ...manifest, dependencies: ['zod', 'pino'] }], []);
    expect(breaks).toEqual([
      'packages/shared/package.json: shared depends on zod only, not on pino',
    ]);
  });

  it('refuses a dependency that goes up the layers', () => {
    const breaks = findLayerBreaks(
      [{ ...manifest, folder: 'agent-sdk', dependencies: ['@meshwork/platform'] }],
      [],
    );
    expect(breaks).toEqual([
      'packages/agent-sdk/package.json: agent-sdk must not depend on platform',
    ]);
  });

  it('refuses a second entry and a package without rules', () => {
    const second = { ...manifest, exports: ['.', './ids'] };
    const unknown = { ...manifest, folder: 'extras' };
    const light = { ...manifest, folder: 'platform', exports: ['.', './base', './uplink'] };
    expect(findLayerBreaks([second, unknown, light], [])).toHaveLength(2);
  });
});

describe('findImports', () => {
  it('finds lists over several lines, re-exports, side effects and lazy imports', () => {
    const text = `
import type { A } from './a.ts';
import {
  b,
  type C,
} from './b.ts';
import * as d from './d.ts';
import './e.ts';
export * from './f.ts';
export type { G } from './g.ts';
const h = import('./h.ts');
`;
    expect(findImports(text)).toEqual([
      { target: './a.ts', values: [] },
      { target: './b.ts', values: ['b'] },
      { target: './d.ts', values: ['*'] },
      { target: './f.ts', values: ['*'] },
      { target: './g.ts', values: [] },
      { target: './e.ts', values: ['*'] },
      { target: './h.ts', values: ['*'] },
    ]);
  });
});
