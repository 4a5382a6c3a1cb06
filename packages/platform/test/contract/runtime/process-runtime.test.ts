import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeProcessRuntime } from '@meshwork/testkit';
import { afterAll, describe } from 'vitest';
import { createProcessRuntime } from '../../../src/runtime/create-process-runtime.ts';
import { createTestDeps } from './test-deps.ts';

describeProcessRuntime('plain processes behind a shim', {
  create: (dir) => createProcessRuntime({ dir }, createTestDeps()),
  isSureOfSignals: existsSync('/bin/dash') || existsSync('/usr/bin/dash'),
});

// Where `sh` is bash: it makes no pipe of a here-document and words its messages otherwise.
describe.skipIf(!existsSync('/bin/bash'))('where sh is bash', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bash-'));
  const shell = join(folder, 'sh');
  symlinkSync('/bin/bash', shell);
  afterAll(() => rmSync(folder, { recursive: true }));

  describeProcessRuntime('plain processes behind a shim', {
    create: (dir) => createProcessRuntime({ dir }, { ...createTestDeps(), shell }),
    isSureOfSignals: false,
  });
});
