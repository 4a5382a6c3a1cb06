/** The hub of the main node with 200 nodes. */
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
import { MeshId, NodeHeartbeat, NodeName, NodePing, PublicKey } from '@meshwork/shared';
import { measureCores, type FanoutAsk } from './fanout.ts';

const keys = mintKeyPair();
const count = Number(process.argv[2]);
const nodes = Array.from({ length: count }, (_, n) => ({
  name: NodeName.parse(`node-${n}`),
  ...mintKeyPair(),
}));
const mesh = MeshId.parse('0'.repeat(32));
let bound = 0;
let heartbeats = 0;
const hub = createHub(
  {
    transport: createZmqTransport(),
    clock: createSystemClock(),
    random: createSystemRandom(),
    logger: createLogger({ name: 'bench', level: 'warn', destination: process.stderr }),
    metrics: createWireMetrics(createMetrics()),
    events: {
      onHello: () => ({ accept: true, welcome: { mesh, term: 1, calledDead: false } }),
      onBound: () => (bound += 1),
      onClosed() {},
    },
  },
  {
    hosts: ['127.0.0.1'],
    port: 0,
    keys,
    admitted: new Map(nodes.map(({ name, publicKey }) => [PublicKey.parse(publicKey), name])),
  },
);
hub.onMessage(NodeHeartbeat, () => (heartbeats += 1));
await hub.start(new AbortController().signal);

async function callAll(): Promise<number> {
  const outcomes = await Promise.all(
    nodes.map(({ name }) => hub.request(name, NodePing, { instances: [] }, { timeoutMs: 10_000 })),
  );
  return outcomes.filter(({ status }) => status === 'answered').length;
}

async function answer(ask: FanoutAsk): Promise<unknown> {
  switch (ask.what) {
    case 'bound':
      return bound;
    case 'call': {
      const tookMs: number[] = [];
      let answered = 0;
      for (let n = 0; n < ask.times; n += 1) {
        const startMs = performance.now();
        answered += await callAll();
        tookMs.push(performance.now() - startMs);
      }
      return { tookMs, asked: ask.times * count, answered };
    }
    case 'cpu': {
      const before = heartbeats;
      return { cores: await measureCores(ask.durationMs), heartbeats: heartbeats - before };
    }
    default:
      return ask satisfies never;
  }
}
process.on(
  'message',
  (ask: FanoutAsk) => void answer(ask).then((result) => process.send?.(result)),
);
process.send?.(JSON.stringify({ port: hub.port, serverKey: keys.publicKey, nodes }));
