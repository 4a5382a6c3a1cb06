import { Router } from 'zeromq';
import { MeshError, type BindOptions, type RouterSocket } from '@meshwork/shared';
import type { Authenticator } from './zap.ts';
import {
  commonOptions,
  errorCode,
  isIpv6Endpoint,
  receiveHighWaterMark,
  tcpKeepalive,
} from './zmq-options.ts';
import { receiveAll } from './zmq-receive.ts';
import { sendNow } from './zmq-send.ts';

/** Connections that may wait to be accepted by the kernel. */
const BACKLOG = 1_024;

/**
 * Binds a ROUTER with CURVE, its authenticator first.
 *
 * `handover` is on: a peer that comes back under its routing id replaces its dead connection at once. It makes
 * routing ids claimable, which is why identity is bound above them.
 */
export async function bindZmqRouter(
  authenticator: Authenticator,
  options: BindOptions,
): Promise<RouterSocket> {
  const zapDomain = await authenticator.open(options.domain, options.admits);
  const socket = new Router({
    ...commonOptions,
    ...tcpKeepalive,
    receiveHighWaterMark: receiveHighWaterMark.bind,
    ipv6: options.endpoints.some(isIpv6Endpoint),
    backlog: BACKLOG,
    maxMessageSize: options.maxMessageBytes,
    curveServer: true,
    curveSecretKey: options.keys.secretKey,
    zapDomain,
    zapEnforceDomain: true,
    mandatory: true,
    handover: true,
  });
  const endpoints: string[] = [];
  let isClosed = false;

  function close({ lingerMs } = { lingerMs: 0 }): void {
    if (isClosed) return;
    isClosed = true;
    socket.linger = lingerMs;
    socket.close();
    authenticator.close(zapDomain);
  }

  function listen(endpoint: string): string {
    try {
      // Not `bind`: it blocks the socket over several turns. Not `unbind` either, ever: a receive could meet it.
      socket.bindSync(endpoint);
    } catch (error) {
      throw toBindError(error, endpoint);
    }
    const bound = socket.lastEndpoint ?? endpoint;
    endpoints.push(bound);
    return bound;
  }

  try {
    for (const endpoint of options.endpoints) listen(endpoint);
  } catch (error) {
    close();
    throw error;
  }
  void receiveAll(socket, (message) => {
    const from = message[0];
    if (from !== undefined && !isClosed) options.onFrames(from, message.slice(1));
  });

  return {
    endpoints,
    listen,
    send: (to, frame) => sendNow(socket, [to, frame]),
    close,
  };
}

function toBindError(error: unknown, endpoint: string): MeshError {
  const code = errorCode(error);
  const details = { endpoint, cause: code };
  if (code === 'EADDRINUSE') {
    return new MeshError('MESH_PORT_TAKEN', `${endpoint} is in use by another program`, {
      details,
    });
  }
  return new MeshError(
    'MESH_INPUT_INVALID',
    `cannot listen on ${endpoint}: ${code ?? String(error)}`,
    {
      details,
      cause: error,
    },
  );
}
