import { createSystemClock, createSystemRandom } from '@meshwork/platform';
import { createMemoryNetwork } from '../../src/memory-network.ts';
import { describeLink } from '../../src/contracts/link.ts';

describeLink('memory', () => {
  const network = createMemoryNetwork({ clock: createSystemClock(), random: createSystemRandom() });
  return { hub: network.transport('main'), peer: network.transport('other') };
});
