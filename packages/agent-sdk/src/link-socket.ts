import { linkLimits } from '@meshwork/shared';
import { Dealer } from 'zeromq';

/** The agent's end of its link: frames in, frames out, connected again and again until it is closed. */
export interface LinkSocket {
  /** Sends one frame after those before it; false when no connection stands or it takes no more. */
  send(text: string): Promise<boolean>;
  /** Resolves when the receiving loop has ended. */
  close(): Promise<void>;
}

/** What a socket tells its owner; must not throw. */
export interface LinkSocketEvents {
  /** A new connection stands; whatever was sent before may be lost. */
  onConnect(): void;
  onFrame(text: string): void;
  /** The socket failed for good. */
  onError(error: unknown): void;
}

/** Opens the DEALER of a link. `endpoint` is the value of MESH_LINK. */
export function openLinkSocket(endpoint: string, events: LinkSocketEvents): LinkSocket {
  // `linger`: the last answers still leave when the agent closes.
  // `immediate`: nothing is queued for a connection that does not stand; the node would take it for a stranger's.
  const dealer = new Dealer({
    linger: 200,
    immediate: true,
    sendTimeout: 0,
    reconnectInterval: 50,
    reconnectMaxInterval: 500,
    maxMessageSize: linkLimits.messageBytes,
  });
  dealer.connect(endpoint);
  const receiving = receive();
  let lastSend: Promise<unknown> = Promise.resolve();

  async function receive(): Promise<void> {
    try {
      for await (const [frame] of dealer) {
        // An empty frame is the node's greeting on a new connection.
        if (frame === undefined || frame.length === 0) events.onConnect();
        else events.onFrame(frame.toString('utf8'));
      }
    } catch (error) {
      if (!dealer.closed) events.onError(error);
    }
  }

  async function sendNow(text: string): Promise<boolean> {
    try {
      await dealer.send(text);
      return true;
    } catch {
      return false;
    }
  }

  return {
    send(text) {
      const sent = lastSend.then(() => sendNow(text));
      lastSend = sent;
      return sent;
    },
    async close() {
      await lastSend;
      dealer.close();
      await receiving;
    },
  };
}
