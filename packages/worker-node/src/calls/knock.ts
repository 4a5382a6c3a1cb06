import { connect, type Socket } from 'node:net';

/** How a TCP connection to a port of this machine came about, or why it did not. */
export type Knock =
  | { readonly status: 'open'; readonly socket: Socket }
  | { readonly status: 'refused'; readonly reason: string }
  | { readonly status: 'timeout' }
  | { readonly status: 'canceled' };

/** Where and for how long. Agents are reached over the loopback address. */
export interface KnockOptions {
  readonly port: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Address under which a node reaches the agents of its own machine. */
export const agentHost = '127.0.0.1';

/**
 * Connects to a port; never rejects.
 *
 * The caller owns an `open` socket and must put an `error` listener on it before it writes.
 */
export function knock(options: KnockOptions): Promise<Knock> {
  const { port, timeoutMs, signal } = options;
  if (signal?.aborted === true) return Promise.resolve({ status: 'canceled' });
  return new Promise((resolve) => {
    const socket = connect({ host: agentHost, port });
    const timer = setTimeout(() => finish({ status: 'timeout' }), timeoutMs);
    const cancel = (): void => finish({ status: 'canceled' });
    function finish(knocked: Knock): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      socket.removeAllListeners();
      if (knocked.status !== 'open') {
        // A socket that is given up may still fail; nobody waits for that any more.
        socket.on('error', () => {});
        socket.destroy();
      }
      resolve(knocked);
    }
    signal?.addEventListener('abort', cancel, { once: true });
    socket.once('connect', () => finish({ status: 'open', socket }));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      finish({ status: 'refused', reason: toReason(error, port) });
    });
  });
}

function toReason(error: NodeJS.ErrnoException, port: number): string {
  if (error.code === 'ECONNREFUSED') return `nothing listens on port ${port}`;
  return `port ${port} cannot be reached: ${error.code ?? error.message}`;
}
