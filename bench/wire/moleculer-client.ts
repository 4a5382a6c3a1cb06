/** A Moleculer node that calls the other one's action. */
import { createRequire } from 'node:module';
import { serveLoad } from './client.ts';

const { ServiceBroker } = createRequire(`${process.argv[2] ?? ''}/`)(
  'moleculer',
) as typeof import('./moleculer.d.ts');
const port = Number(process.argv[3]);
const broker = new ServiceBroker({
  nodeID: 'client',
  logger: false,
  requestTimeout: 5_000,
  transporter: {
    type: 'TCP',
    options: {
      udpDiscovery: false,
      port: port + 1,
      urls: [`127.0.0.1:${port}/server`, `127.0.0.1:${port + 1}/client`],
    },
  },
});
await broker.start();
await broker.waitForServices(['test'], 20_000, 20);
serveLoad(async () => void (await broker.call('test.echo', { instances: [] })));
