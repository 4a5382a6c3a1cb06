import { Context } from 'zeromq';
import type { Transport } from '@meshwork/shared';
import { dialZmqDealer } from './zmq-dealer.ts';
import { bindZmqRouter } from './zmq-router.ts';

/** ZeroMQ over TCP with CURVE. All dialled sockets of one transport share one ZeroMQ context (one I/O thread). */
export function createZmqTransport(): Transport {
  let dialling: Context | undefined;
  return {
    bind: async (options) => bindZmqRouter(options),
    dial(options) {
      dialling ??= new Context({ blocky: false });
      return dialZmqDealer(dialling, options);
    },
  };
}
