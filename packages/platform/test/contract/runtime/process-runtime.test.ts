import { describeProcessRuntime } from '@meshwork/testkit';
import { createProcessRuntime } from '../../../src/runtime/create-process-runtime.ts';
import { createTestDeps } from './test-deps.ts';

describeProcessRuntime('plain processes behind a shim', {
  create: (dir) => createProcessRuntime({ dir }, createTestDeps()),
});
