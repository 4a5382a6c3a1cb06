import { describeTransport } from '@meshwork/testkit';
import { createZmqTransport } from '../../../src/wire/zmq-transport.ts';

describeTransport('ZeroMQ', createZmqTransport);
