import { Router, type Context } from 'zeromq';
import { encodeZ85 } from '@meshwork/shared';
import { receiveAll } from './zmq-receive.ts';

/** Answers who may connect. */
export interface Authenticator {
  close(): void;
}

/**
 * Answers the ZAP requests (RFC 27) of one ZeroMQ context: a CURVE key of this domain is admitted when `admits`
 * says so, everything else is refused.
 *
 * Must stand before the first port of the context is bound. The peer's routing id is not in a request (its
 * identity field is the server's own), so this admits keys, not names.
 */
export function openAuthenticator(
  context: Context,
  options: { readonly domain: string; admits(publicKey: string): boolean },
): Authenticator {
  const socket = new Router({ context, linger: 0, sendTimeout: 0 });
  socket.bindSync('inproc://zeromq.zap.01');

  function onRequest(message: readonly Buffer[]): void {
    const bodyAt = message.findIndex((frame) => frame.length === 0) + 1;
    const [version, requestId, domain, , , mechanism, key] = message.slice(bodyAt);
    if (version === undefined || requestId === undefined) return;
    const isAdmitted =
      domain?.toString() === options.domain &&
      mechanism?.toString() === 'CURVE' &&
      key?.length === 32 &&
      options.admits(encodeZ85(key));
    const [status, text] = isAdmitted ? ['200', 'OK'] : ['400', 'key not admitted'];
    const reply = [...message.slice(0, bodyAt), version, requestId, status, text, '', ''];
    // Cannot be full or unreachable: libzmq waits for this answer on an inproc pipe.
    socket.send(reply).catch(() => {});
  }

  // Ends with the socket; a receive that fails while it is open is a bug and must surface.
  void receiveAll(socket, onRequest);
  return { close: () => socket.close() };
}
