/*
 * One link over all its connections. Nothing but hello leaves before the node's welcome: after a restart of the node it
 * would not know whose messages these are.
 */
import {
  MeshError,
  NodeLinkMessage,
  decodeLinkFrame,
  fromErrorBody,
  linkLimits,
  linkProtocol,
  type AgentLinkMessage,
  type LinkNodeCall,
  type LinkWelcome,
  type LinkAnswer,
} from '@meshwork/shared';
import type { LinkAddress } from './link-address.ts';
import { openLinkSocket } from './link-socket.ts';

/** What a session tells its owner; must not throw. */
export interface LinkSessionEvents {
  onWelcome(welcome: LinkWelcome): void;
  onCall(call: LinkNodeCall): void;
  onAnswer(answer: LinkAnswer): void;
  onDrain(): void;
  /** The link has ended for good: the node refused this program, or the socket failed. */
  onEnd(error: MeshError): void;
}

/** Who the agent is at this moment; asked for at each hello. */
export type DescribeAgent = () => {
  readonly pid: number;
  readonly actions: readonly string[];
  readonly ready: boolean;
};

/** The agent's side of the conversation. */
export interface LinkSession {
  /** Sends as soon as the node has welcomed us; the oldest go first. `undefined` when asked: not wanted any more. */
  send(toMessage: () => object | undefined): void;
  /** Sends only if the node has welcomed us; else it is forgotten. */
  sendNow(message: AgentLinkMessage): void;
  /** Says hello again, because what it says has changed. */
  renew(): void;
  close(): Promise<void>;
}

/** Messages that wait for a welcome: what the bounds of calls allow, in both directions. */
const MAX_WAITING = 4 * linkLimits.callsInFlight;
const sdk = { language: 'typescript', version: '0' } as const;

/** Opens the link and keeps it open until `close`. */
export function openLinkSession(
  address: LinkAddress,
  describe: DescribeAgent,
  events: LinkSessionEvents,
): LinkSession {
  const waiting: (() => object | undefined)[] = [];
  let isWelcome = false;
  let isRenewing = false;
  let isClosed = false;

  const socket = openLinkSocket(address.endpoint, {
    onConnect() {
      isWelcome = false;
      sayHello();
    },
    onFrame,
    onError(error) {
      events.onEnd(
        new MeshError('MESH_LINK_ABSENT', 'the agent link broke for good', { cause: error }),
      );
    },
  });

  function sayHello(): void {
    const { pid, actions, ready } = describe();
    write({
      kind: 'hello',
      protocol: linkProtocol,
      token: address.token,
      pid,
      sdk,
      actions: [...actions],
      ready,
    });
  }

  function write(message: object, onNotSent?: () => void): void {
    void socket.send(JSON.stringify(message)).then((isSent) => {
      if (isSent) return;
      // Without a connection there will be a new one, which is greeted.
      isWelcome = false;
      onNotSent?.();
    });
  }

  function onFrame(text: string): void {
    const frame = decodeLinkFrame(NodeLinkMessage, text);
    // What a newer node says and we do not understand is not for us.
    if (!frame.ok) return;
    const { message } = frame;
    switch (message.kind) {
      case 'hello?':
        isWelcome = false;
        return sayHello();
      case 'welcome':
        isWelcome = true;
        events.onWelcome(message);
        return flush();
      case 'refused':
        return events.onEnd(fromErrorBody(message.error));
      case 'call':
        return events.onCall(message);
      case 'answer':
        return events.onAnswer(message);
      case 'drain':
        return events.onDrain();
      default:
        return message satisfies never;
    }
  }

  function flush(): void {
    for (const toMessage of waiting.splice(0)) {
      const message = toMessage();
      if (message !== undefined) write(message, () => waiting.push(toMessage));
    }
  }

  return {
    send(toMessage) {
      if (isClosed) return;
      waiting.push(toMessage);
      // The oldest is the one whose caller has most likely given up.
      if (waiting.length > MAX_WAITING) waiting.shift();
      if (isWelcome) flush();
    },
    sendNow(message) {
      if (isWelcome && !isClosed) write(message);
    },
    renew() {
      if (!isWelcome || isRenewing) return;
      isRenewing = true;
      // Once for all that is declared in one go.
      queueMicrotask(() => {
        isRenewing = false;
        if (isWelcome && !isClosed) sayHello();
      });
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (isWelcome) write({ kind: 'bye' });
      await socket.close();
    },
  };
}
