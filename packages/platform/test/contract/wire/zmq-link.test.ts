import { describeLink } from '@meshwork/testkit';
import { createZmqTransport } from '../../../src/wire/zmq-transport.ts';

describeLink('ZeroMQ', () => {
  const transport = createZmqTransport();
  return { hub: transport, peer: transport };
});
