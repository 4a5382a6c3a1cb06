/** The two halves of a Curve25519 key, Z85. */
export interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** What is sent: bytes, or text that travels as UTF-8. */
export type OutgoingFrame = Uint8Array | string;

/** How handing one frame to a socket ended: taken, no room for this peer now, or no connection to it. */
export type FrameOutcome = 'sent' | 'full' | 'closed';

/** Why a connection ended or never came about. `auth`: the other side refused our key. */
export type CloseReason =
  | 'refused'
  | 'timeout'
  | 'unresolved'
  | 'auth'
  | 'handshake'
  | 'closed'
  | 'invalid';

/** What a bound socket is told. */
export interface RouterEvents {
  /**
   * One message from whoever calls itself `from`; that name proves nothing.
   * Anything may be in it, and any number of frames.
   */
  onFrames(from: Uint8Array, frames: readonly Uint8Array[]): void;
}

/** Where and for whom a router binds. */
export interface BindOptions extends RouterEvents {
  /** `tcp://ADDRESS:PORT`; port 0 takes a free one. */
  readonly endpoints: readonly string[];
  readonly keys: KeyPair;
  /** Names the port towards the authenticator; keys admitted to one are not admitted to another. */
  readonly domain: string;
  /** Asked once a handshake, with the key that the peer proved to hold and the address it came from. */
  admits(publicKey: string, remote: string): boolean;
  /** A larger incoming message ends its connection. */
  readonly maxMessageBytes: number;
}

/** A bound socket that talks to many peers, each under the routing id it chose itself. */
export interface RouterSocket {
  /** Bound endpoints with their real ports, in the order asked for. */
  readonly endpoints: readonly string[];
  /** Never waits. Calls may overlap. Bytes must not be changed afterwards. */
  send(to: Uint8Array, frame: OutgoingFrame): Promise<FrameOutcome>;
  /** Binds one more endpoint and returns it with its real port. */
  listen(endpoint: string): string;
  /**
   * Ends every connection and, a moment later, frees the endpoints. Nothing is delivered after it was called.
   * Frames handed over before may still leave for `lingerMs`, default 0.
   */
  close(options?: { readonly lingerMs: number }): void;
}

/** What a dialled connection is told. */
export interface DealerEvents {
  /** Connected, encrypted, and the bound side admitted our key. */
  onOpen(): void;
  onFrames(frames: readonly Uint8Array[]): void;
  /** The end of this connection or of the attempt; called once, never after `close()`. */
  onClosed(reason: CloseReason): void;
}

/** Whom to dial, as whom. */
export interface DialOptions extends DealerEvents {
  readonly endpoint: string;
  readonly keys: KeyPair;
  /** The bound side must hold the secret of this key. */
  readonly serverKey: string;
  /** 1 to 255 bytes, the first not 0. */
  readonly routingId: Uint8Array;
  readonly maxMessageBytes: number;
}

/** One connection, or one attempt at it: it never reconnects by itself. */
export interface DealerSocket {
  /** Never waits. Bytes must not be changed afterwards. */
  send(frame: OutgoingFrame): Promise<FrameOutcome>;
  /** Frames handed over before may still leave for `lingerMs`, default 0. */
  close(options?: { readonly lingerMs: number }): void;
}

/** Sockets that carry encrypted, mutually authenticated messages: ZeroMQ, or a test's memory. */
export interface Transport {
  /** Binds every endpoint or none. Rejects with `MESH_PORT_TAKEN` when one is in use. */
  bind(options: BindOptions): Promise<RouterSocket>;
  dial(options: DialOptions): DealerSocket;
}
