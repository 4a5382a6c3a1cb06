/** A node's side: an uplink with everything on that answers pings. */
import {
  createLogger,
  createMetrics,
  createSystemClock,
  createSystemRandom,
  createUplink,
  createWireMetrics,
  createZmqTransport,
} from '@meshwork/platform';
import { NodeName, NodePing } from '@meshwork/shared';

const { address, serverKey, keys } = JSON.parse(process.argv[2] ?? '');
const uplink = createUplink(
  {
    transport: createZmqTransport(),
    clock: createSystemClock(),
    random: createSystemRandom(),
    logger: createLogger({ name: 'bench', level: 'warn', destination: process.stderr }),
    metrics: createWireMetrics(createMetrics()),
    events: { onWelcome: () => process.send?.('ready'), onRefused: console.error, onLost() {} },
  },
  {
    addresses: [address],
    serverKey,
    keys,
    node: NodeName.parse('pc2'),
    role: 'node',
    incarnation: 1,
    release: '0',
    about: () => ({}),
  },
);
uplink.onRequest(NodePing, () => ({ instances: [] }));
await uplink.start(new AbortController().signal);
