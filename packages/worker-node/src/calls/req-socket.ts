import { Request } from 'zeromq';
import { agentHost, knock } from './knock.ts';

/** How one exchange with a program that answers ZeroMQ REQ ended. Only `unknown` may have been executed without an answer. */
export type Exchange =
  | { readonly status: 'answered'; readonly frames: readonly Buffer[] }
  /** Nothing listens there; not sent. */
  | { readonly status: 'refused'; readonly reason: string }
  /** No connection by the deadline; not sent. */
  | { readonly status: 'expired' }
  /** Sent, and no answer by the deadline. */
  | { readonly status: 'unknown' };

/** One REQ connection: one exchange at a time. */
export interface ReqSocket {
  /** Sends one frame and waits for the answer; never rejects. Must not be called while another exchange is under way. */
  exchange(text: string, options: { readonly timeoutMs: number }): Promise<Exchange>;
  /** Gives up: an exchange under way ends as `unknown` or `expired`. Idempotent. */
  close(): void;
}

/** Largest answer that is read, bytes; a larger one closes the connection and counts as no answer. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** An idle connection that does not take a message within this is looked at anew. */
const STALE_AFTER_MS = 100;

/**
 * Makes a REQ connection to a port of this machine; it opens at the first exchange.
 *
 * A connection is kept from answer to answer. After a missing answer it is thrown away, because a REQ socket cannot ask
 * again before it was answered, and a late answer must not pass for that of the next question.
 */
export function createReqSocket(options: { readonly port: number }): ReqSocket {
  const { port } = options;
  const closing = new AbortController();
  let socket: Request | undefined;

  function drop(): void {
    socket?.close();
    socket = undefined;
  }

  async function send(text: string, timeoutMs: number): Promise<boolean> {
    if (socket === undefined) return false;
    try {
      socket.sendTimeout = Math.max(1, Math.round(timeoutMs));
      await socket.send(text);
      return true;
    } catch {
      drop();
      return false;
    }
  }

  async function openAndSend(text: string, deadlineMs: number): Promise<Exchange | undefined> {
    const knocked = await knock({
      port,
      timeoutMs: deadlineMs - performance.now(),
      signal: closing.signal,
    });
    if (knocked.status === 'refused') return knocked;
    if (knocked.status !== 'open') return { status: 'expired' };
    knocked.socket.on('error', () => {});
    knocked.socket.destroy();
    // `immediate`: a message is taken only by a connection that stands, so a failed send was not sent.
    socket = new Request({
      linger: 0,
      immediate: true,
      maxMessageSize: MAX_ANSWER_BYTES,
      reconnectInterval: 50,
    });
    socket.connect(`tcp://${agentHost}:${port}`);
    const isSent = await send(text, deadlineMs - performance.now());
    return isSent ? undefined : { status: 'expired' };
  }

  async function receive(deadlineMs: number): Promise<Exchange> {
    if (socket === undefined) return { status: 'unknown' };
    try {
      socket.receiveTimeout = Math.max(1, Math.round(deadlineMs - performance.now()));
      return { status: 'answered', frames: await socket.receive() };
    } catch {
      drop();
      return { status: 'unknown' };
    }
  }

  return {
    async exchange(text, { timeoutMs }) {
      if (closing.signal.aborted) return { status: 'expired' };
      const deadlineMs = performance.now() + timeoutMs;
      if (!(await send(text, Math.min(STALE_AFTER_MS, timeoutMs)))) {
        const notSent = await openAndSend(text, deadlineMs);
        if (notSent !== undefined) return notSent;
      }
      return receive(deadlineMs);
    },
    close() {
      closing.abort();
      drop();
    },
  };
}
