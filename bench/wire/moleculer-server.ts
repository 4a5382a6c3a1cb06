/** A Moleculer node with its TCP transporter and one action that answers what it is asked. */
import { createRequire } from 'node:module';

const { ServiceBroker } = createRequire(`${process.argv[2] ?? ''}/`)(
  'moleculer',
) as typeof import('./moleculer.d.ts');
const port = Number(process.argv[3]);
const broker = new ServiceBroker({
  nodeID: 'server',
  logger: false,
  transporter: {
    type: 'TCP',
    options: {
      udpDiscovery: false,
      port,
      urls: [`127.0.0.1:${port}/server`, `127.0.0.1:${port + 1}/client`],
    },
  },
});
broker.createService({
  name: 'test',
  actions: { echo: (context: { params: unknown }) => context.params },
});
await broker.start();
process.send?.('ready');
