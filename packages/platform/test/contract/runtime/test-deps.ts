import { createSystemClock } from '../../../src/base/system-clock.ts';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import type { ProcessRuntimeDeps } from '../../../src/runtime/create-process-runtime.ts';
import { silentLogger } from '../../fixtures/silent-logger.ts';

/** The real clock and random bytes, and a logger that says nothing. */
export function createTestDeps(): ProcessRuntimeDeps {
  return { clock: createSystemClock(), random: createSystemRandom(), logger: silentLogger };
}
