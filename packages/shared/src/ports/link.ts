import type { z } from 'zod';
import type { ErrorBody } from '../errors/mesh-error.ts';
import type { Incarnation, NodeName, PublicKey, Term } from '../ids.ts';
import type { Hello, PeerRole } from '../messages/hello.ts';
import type { Welcome, WelcomeOffer } from '../messages/welcome.ts';
import type { MessageKind, MessageOf, RequestKind } from '../messages/define-message.ts';
import type { Component } from './component.ts';

/** A peer as its proven hello bound it; never read from later frames. */
export interface Peer {
  readonly name: NodeName;
  readonly role: PeerRole;
  readonly incarnation: Incarnation;
  readonly publicKey: PublicKey;
}

/**
 * How sending ended on this side: taken into the queue, refused by its bound, no such connection, or a body over
 * `maxMessageBytes`.
 */
export type SendOutcome = 'queued' | 'full' | 'unbound' | 'tooLarge';

/** How a request ended (P7). `unknown`: it was sent and may have run. */
export type RequestOutcome<Answer> =
  | { readonly status: 'answered'; readonly answer: Answer }
  | { readonly status: 'refused'; readonly error: ErrorBody }
  | { readonly status: 'expired'; readonly error: ErrorBody }
  | { readonly status: 'unknown'; readonly error: ErrorBody };

/** What a request may say. `timeoutMs` counts from the call; the answer comes by then or never. */
export interface RequestOptions {
  readonly timeoutMs: number;
  /** Correlates logs of one user action over processes. */
  readonly trace?: string;
  readonly signal?: AbortSignal;
  /** Repeating a request under the id of an earlier one gets the first answer. Default: minted. */
  readonly id?: string;
}

/** Context of a received message or request. */
export interface Received {
  readonly id: string;
  readonly term: Term;
  /** Milliseconds left of the sender's timeout; absent when it set none. */
  readonly remainingMs?: number;
  readonly trace?: string;
}

/** Maps kinds to handlers. An unknown kind is counted and answered `MESH_KIND_UNKNOWN`. */
export interface HandlerTable<From> {
  /** A message that wants no answer. Throwing is counted and logged, never sent. */
  onMessage<M extends MessageKind>(
    kind: M,
    handle: (from: From, body: MessageOf<M>, received: Received) => void,
  ): void;
  /** A request: the returned value is the answer; a thrown `MeshError` is answered as its body. */
  onRequest<R extends RequestKind>(
    kind: R,
    handle: (
      from: From,
      body: z.infer<R['body']>,
      received: Received,
    ) => z.infer<R['answer']> | Promise<z.infer<R['answer']>>,
  ): void;
}

/** What the main node decides about a proven hello. */
export type HelloVerdict =
  | {
      readonly accept: true;
      readonly welcome: WelcomeOffer;
    }
  | { readonly accept: false; readonly error: ErrorBody };

/** Events of the bound side. */
export interface HubEvents {
  /**
   * A hello whose proof holds for `peer.publicKey` arrived; the newer one ends the older binding of
   * (name, role). `body` is the decoded `hello`.
   */
  onHello(peer: Peer, body: Hello): HelloVerdict;
  /** The accepted peer is bound and its welcome is on its way: what is sent to it now arrives after that. */
  onBound?(peer: Peer): void;
  /** The peer's kernel closed the connection (a mandatory send failed): a dead daemon on a living machine. */
  onClosed(peer: Peer): void;
}

/** The main node's end of the control plane: binds, authenticates, routes. */
export interface Hub extends Component, HandlerTable<Peer> {
  /** Queues a message; at the queue's bound it is refused, never waited for. */
  send<M extends MessageKind>(
    to: NodeName,
    kind: M,
    body: MessageOf<M>,
    options?: { readonly role?: PeerRole },
  ): SendOutcome;
  /** Replaces whatever waits in this peer's slot `kind`; goes before queued messages. For level-triggered state. */
  sendLatest<M extends MessageKind>(
    to: NodeName,
    kind: M,
    body: MessageOf<M>,
    options?: { readonly role?: PeerRole },
  ): SendOutcome;
  request<R extends RequestKind>(
    to: NodeName,
    kind: R,
    body: z.infer<R['body']>,
    options: RequestOptions,
  ): Promise<RequestOutcome<z.infer<R['answer']>>>;
  /** Keys that may connect; replaces the set. A key taken off is cut within a second (revoke). */
  admit(keys: ReadonlyMap<PublicKey, NodeName>): Promise<void>;
  /** Term written into every envelope from now on. */
  setTerm(term: Term): void;
  isBound(name: NodeName, role?: PeerRole): boolean;
  /**
   * Binds these hosts besides those bound already, all on `port` (an invite opens the port to other machines).
   * Rejects with `MESH_PORT_TAKEN` and binds none of them when one is in use.
   */
  listen(hosts: readonly string[]): Promise<void>;
  /** Port in use, after `start`. */
  readonly port: number;
}

/** Events of the dialling side. */
export interface UplinkEvents {
  /** The hub accepted our hello; `body` is the decoded `welcome`. Called at each (re)binding. */
  onWelcome(body: Welcome): void;
  /** The hub refused our hello. The uplink goes on trying, slowly. */
  onRefused(error: ErrorBody): void;
  /** No frame from the hub for longer than the link timeout, or the connection closed. */
  onLost(): void;
}

/** A node's end of the control plane: dials out, proves itself, reconnects for ever. */
export interface Uplink extends Component, HandlerTable<void> {
  send<M extends MessageKind>(kind: M, body: MessageOf<M>): SendOutcome;
  sendLatest<M extends MessageKind>(kind: M, body: MessageOf<M>): SendOutcome;
  request<R extends RequestKind>(
    kind: R,
    body: z.infer<R['body']>,
    options: RequestOptions,
  ): Promise<RequestOutcome<z.infer<R['answer']>>>;
  /** Says hello again, with this incarnation from now on. */
  renew(incarnation: Incarnation): void;
  /** Replaces the addresses that are tried in turn. */
  setAddresses(addresses: readonly string[]): void;
  readonly isBound: boolean;
}
