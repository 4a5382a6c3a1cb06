import type { Logger } from '@meshwork/shared';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import type { ProcessRuntimeDeps } from '../../../src/runtime/create-process-runtime.ts';

/** The real clock and random bytes, and a logger that says nothing. */
export function createTestDeps(): ProcessRuntimeDeps {
  const logger: Logger = {
    debug() {},
    info() {},
    warn() {},
    error() {},
    child: () => logger,
  };
  return { clock: createSystemClock(), random: createSystemRandom(), logger };
}
