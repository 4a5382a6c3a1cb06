import type { Transport } from '@meshwork/shared';
import { createAuthenticator } from './zap.ts';
import { dialZmqDealer } from './zmq-dealer.ts';
import { bindZmqRouter } from './zmq-router.ts';

/**
 * ZeroMQ over TCP with CURVE.
 *
 * Only one transport of a process may bind at a time: libzmq asks one authenticator per process. (A ZeroMQ context of
 * one's own would lift that, and is never freed before the process ends.)
 */
export function createZmqTransport(): Transport {
  const authenticator = createAuthenticator();
  return {
    bind: (options) => bindZmqRouter(authenticator, options),
    dial: dialZmqDealer,
  };
}
