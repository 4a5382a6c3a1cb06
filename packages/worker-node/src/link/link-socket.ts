import { linkLimits } from '@meshwork/shared';
import { Router } from 'zeromq';

/** How handing a frame to the kernel ended. Only `sent` may reach the agent. */
export type LinkSend = 'sent' | 'gone' | 'full';

/** The bound end of one instance's link. Peers are routing ids, hexadecimal. */
export interface LinkSocket {
  /** Binds, and from then on hands every frame to `onFrame`. */
  open(socketPath: string): Promise<void>;
  /** Sends one frame, after those before it. */
  send(peer: string, text: string): Promise<LinkSend>;
  /** Resolves when the receiving loop has ended. The socket's file stays; the next `open` replaces it. */
  close(): Promise<void>;
}

/** What a socket tells its owner; must not throw. */
export interface LinkSocketEvents {
  onFrame(peer: string, text: string): void;
  /** A frame that is not one text: neither a message nor an answer to anything. */
  onOddFrame(peer: string): void;
}

/** Frames that may wait for the one before them; more are refused as `full`. */
const MAX_WAITING = 256;

/**
 * Makes the ROUTER of one link.
 *
 * An empty frame greets each new connection (`probeRouter`), which makes the agent say hello, also after a restart of this
 * node. Sends never wait for a slow agent: past its queue they are `full`.
 */
export function createLinkSocket(events: LinkSocketEvents): LinkSocket {
  const router = new Router({
    linger: 0,
    mandatory: true,
    probeRouter: true,
    sendTimeout: 0,
    sendHighWaterMark: MAX_WAITING,
    receiveHighWaterMark: MAX_WAITING,
    maxMessageSize: linkLimits.messageBytes,
  });
  let receiving: Promise<void> = Promise.resolve();
  let lastSend: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  async function receive(): Promise<void> {
    try {
      for await (const [peer, frame, ...rest] of router) {
        if (peer === undefined || frame === undefined || rest.length > 0)
          events.onOddFrame(peer?.toString('hex') ?? '');
        else events.onFrame(peer.toString('hex'), frame.toString('utf8'));
      }
    } catch (error) {
      if (!router.closed) throw error;
    }
  }

  async function sendNow(peer: string, text: string): Promise<LinkSend> {
    try {
      await router.send([Buffer.from(peer, 'hex'), text]);
      return 'sent';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'full' : 'gone';
    }
  }

  return {
    async open(socketPath) {
      await router.bind(`ipc://${socketPath}`);
      receiving = receive();
    },
    send(peer, text) {
      if (waiting >= MAX_WAITING) return Promise.resolve('full');
      waiting += 1;
      // One after the other: two sends at a time are an error.
      const sent = lastSend.then(() => sendNow(peer, text)).finally(() => (waiting -= 1));
      lastSend = sent;
      return sent;
    },
    async close() {
      router.close();
      await receiving;
    },
  };
}
