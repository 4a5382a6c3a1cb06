import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Dealer, type Event } from 'zeromq';
import type { CloseReason, DealerSocket, DialOptions } from '@meshwork/shared';
import { commonOptions, isIpv6Endpoint, linkTiming, receiveHighWaterMark } from './zmq-options.ts';
import { receiveAll } from './zmq-receive.ts';
import { sendNow } from './zmq-send.ts';

/**
 * Dials once, with CURVE. ZeroMQ's own reconnecting is off: its attempts could not be told apart, and frames
 * meant for one connection would go out on the next.
 */
export function dialZmqDealer(options: DialOptions): DealerSocket {
  let socket: Dealer | undefined;
  let isOver = false;

  function end(reason: CloseReason): void {
    if (isOver) return;
    isOver = true;
    socket?.close();
    options.onClosed(reason);
  }

  async function open(): Promise<void> {
    const endpoint = await resolveEndpoint(options.endpoint);
    if (isOver) return;
    if (endpoint === undefined) return end('unresolved');
    const dealer = new Dealer({
      ...commonOptions,
      receiveHighWaterMark: receiveHighWaterMark.dial,
      immediate: true,
      ipv6: isIpv6Endpoint(endpoint),
      reconnectInterval: -1,
      connectTimeout: linkTiming.connectTimeoutMs,
      heartbeatInterval: linkTiming.heartbeatMs,
      heartbeatTimeout: linkTiming.heartbeatTimeoutDialMs,
      heartbeatTimeToLive: linkTiming.heartbeatTimeoutBindMs,
      maxMessageSize: options.maxMessageBytes,
      curvePublicKey: options.keys.publicKey,
      curveSecretKey: options.keys.secretKey,
      curveServerKey: options.serverKey,
      // The option takes bytes; its declared type knows only text.
      routingId: Buffer.from(options.routingId) as unknown as string,
    });
    socket = dealer;
    void watch(dealer);
    void receiveAll(dealer, (frames) => {
      if (!isOver) options.onFrames(frames);
    });
    dealer.connect(endpoint);
  }

  async function watch(dealer: Dealer): Promise<void> {
    let isConnected = false;
    const startMs = performance.now();
    // Asked for once: the accessor makes a new observer of a socket that was closed meanwhile, and fails.
    const observer = dealer.events;
    while (!isOver) {
      const event: Event | undefined = await observer.receive().catch(() => undefined);
      // Closing the socket ends its observer in more ways than one.
      if (isOver) return;
      if (event === undefined || event.type === 'end') return end('closed');
      if (event.type === 'connect') isConnected = true;
      if (event.type === 'handshake') options.onOpen();
      const isLate = performance.now() - startMs > linkTiming.connectTimeoutMs * 0.9;
      const reason = toCloseReason(event, { isConnected, isLate });
      if (reason !== undefined) return end(reason);
    }
  }

  open().catch(() => end('invalid'));
  return {
    send: (frame) =>
      socket === undefined || isOver ? Promise.resolve('closed') : sendNow(socket, frame),
    close({ lingerMs } = { lingerMs: 0 }) {
      if (isOver) return;
      isOver = true;
      if (socket === undefined) return;
      socket.linger = lingerMs;
      socket.close();
    },
  };
}

function toCloseReason(
  event: Event,
  { isConnected, isLate }: { readonly isConnected: boolean; readonly isLate: boolean },
): CloseReason | undefined {
  switch (event.type) {
    case 'handshake:error:auth':
      return 'auth';
    case 'handshake:error:protocol':
    case 'handshake:error:other':
      return 'handshake';
    case 'disconnect':
      return 'closed';
    case 'close':
      if (isConnected) return 'closed';
      // libzmq says no more than that it gave up; a refusal comes at once.
      return isLate ? 'timeout' : 'refused';
    default:
      return undefined;
  }
}

/** Names are resolved here: libzmq would do it on the thread that serves every socket of the context. */
async function resolveEndpoint(endpoint: string): Promise<string | undefined> {
  const { hostname, port } = new URL(endpoint);
  if (hostname.startsWith('[') || isIP(hostname) !== 0) return endpoint;
  try {
    const { address, family } = await lookup(hostname);
    return family === 6 ? `tcp://[${address}]:${port}` : `tcp://${address}:${port}`;
  } catch {
    return undefined;
  }
}
