import { createSystemClock, createSystemRandom } from '@meshwork/platform';
import { createMemoryNetwork } from '../../src/memory-network.ts';
import { describeTransport } from '../../src/contracts/transport.ts';

describeTransport('memory', () =>
  createMemoryNetwork({ clock: createSystemClock(), random: createSystemRandom() }).transport(
    'one',
  ),
);
