/** The main node's side: a hub with everything on that pings one node. */
import {
  createHub,
  createLogger,
  createMetrics,
  createSystemClock,
  createSystemRandom,
  createWireMetrics,
  createZmqTransport,
  mintKeyPair,
} from '@meshwork/platform';
import { MeshId, NodeName, NodePing, PublicKey } from '@meshwork/shared';
import { runLoad, type LoadOptions } from './load.ts';

const keys = mintKeyPair();
const nodeKeys = mintKeyPair();
const node = NodeName.parse('pc2');
const hub = createHub(
  {
    transport: createZmqTransport(),
    clock: createSystemClock(),
    random: createSystemRandom(),
    logger: createLogger({ name: 'bench', level: 'warn', destination: process.stderr }),
    metrics: createWireMetrics(createMetrics()),
    events: {
      onHello: () => ({
        accept: true,
        welcome: { mesh: MeshId.parse('0'.repeat(32)), term: 1, calledDead: false },
      }),
      onClosed() {},
    },
  },
  {
    hosts: ['127.0.0.1'],
    port: 0,
    keys,
    admitted: new Map([[PublicKey.parse(nodeKeys.publicKey), node]]),
  },
);
await hub.start(new AbortController().signal);

async function ping(): Promise<void> {
  const outcome = await hub.request(node, NodePing, { instances: [] }, { timeoutMs: 5_000 });
  if (outcome.status !== 'answered') throw new Error(JSON.stringify(outcome));
}
process.on('message', (options: LoadOptions) => {
  void runLoad(ping, options).then((result) => process.send?.(result));
});
process.send?.(
  JSON.stringify({ address: `127.0.0.1:${hub.port}`, serverKey: keys.publicKey, keys: nodeKeys }),
);
