/** A node's end of the wire in a process of its own, so that a test can stop and kill it. Its acts go to its parent. */
import {
  createLogger,
  createMetrics,
  createSystemClock,
  createSystemRandom,
  createUplink,
  createWireMetrics,
  createZmqTransport,
} from '@meshwork/platform';
import { Incarnation, NodeName, type KeyPair } from '@meshwork/shared';
import { Act } from './kinds.ts';

interface Args {
  readonly name: string;
  readonly address: string;
  readonly serverKey: string;
  readonly keys: KeyPair;
}

const { name, address, serverKey, keys } = JSON.parse(process.argv[2] ?? '') as Args;
const uplink = createUplink(
  {
    transport: createZmqTransport(),
    clock: createSystemClock(),
    random: createSystemRandom(),
    logger: createLogger({ name, level: 'silent' }),
    metrics: createWireMetrics(createMetrics({ processMetrics: false })),
    events: { onWelcome() {}, onRefused() {}, onLost() {} },
  },
  {
    addresses: [address],
    keys,
    serverKey,
    node: NodeName.parse(name),
    role: 'node',
    incarnation: Incarnation.parse(1),
    release: 'test',
    about: () => ({}),
  },
);
uplink.onRequest(Act, (_, { id }) => {
  process.send?.(id);
  return { id };
});
await uplink.start(new AbortController().signal);
