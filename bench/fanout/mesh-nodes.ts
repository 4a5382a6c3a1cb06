/** A share of the nodes: real uplinks, each with a connection of its own. */
import {
  createLogger,
  createMetrics,
  createSystemClock,
  createSystemRandom,
  createUplink,
  createWireMetrics,
  createZmqTransport,
} from '@meshwork/platform';
import { Incarnation, NodeHeartbeat, NodeName, NodePing } from '@meshwork/shared';
import { HEARTBEAT_EVERY_MS, heartbeat, type FanoutTarget } from './fanout.ts';

const target = JSON.parse(process.argv[2] ?? '') as FanoutTarget;
const [from, to] = [Number(process.argv[3]), Number(process.argv[4])];
const role = process.argv[5] === 'heartbeat' ? 'heartbeat' : 'node';
const transport = createZmqTransport();
const metrics = createWireMetrics(createMetrics({ processMetrics: false }));
const logger = createLogger({ name: 'bench', level: 'warn', destination: process.stderr });
const body = NodeHeartbeat.body.parse(heartbeat);

for (const { name, ...keys } of target.nodes.slice(from, to)) {
  const uplink = createUplink(
    {
      transport,
      clock: createSystemClock(),
      random: createSystemRandom(),
      logger,
      metrics,
      events: { onWelcome() {}, onRefused() {}, onLost() {} },
    },
    {
      addresses: [`127.0.0.1:${target.port}`],
      serverKey: target.serverKey,
      keys,
      node: NodeName.parse(name),
      role,
      incarnation: Incarnation.parse(1),
      release: '0',
      about: () => ({}),
    },
  );
  uplink.onRequest(NodePing, () => ({ instances: [] }));
  await uplink.start(new AbortController().signal);
  if (role === 'node') continue;
  // Nodes do not beat in step.
  setTimeout(
    () => setInterval(() => uplink.sendLatest(NodeHeartbeat, body), HEARTBEAT_EVERY_MS),
    Math.random() * HEARTBEAT_EVERY_MS,
  );
}
process.send?.('ready');
