import type { KeyPair, NodeFacts, NodeName } from '@meshwork/shared';
import type { HeartbeatContent } from '../services/ports.ts';

/** As whom, and to whom, the heartbeat connection is made. */
export interface HeartbeatConnection {
  readonly node: NodeName;
  /** `HOST:PORT`, tried in turn. */
  readonly addresses: readonly string[];
  readonly serverKey: string;
  readonly keys: KeyPair;
  readonly release: string;
  readonly about: NodeFacts;
}

/** What the thread is born with. Everything here is copied, but for the board's buffer, which is shared. */
export interface HeartbeatThreadData {
  readonly connection: HeartbeatConnection;
  readonly content: HeartbeatContent;
  readonly board: SharedArrayBuffer;
  /** On the clock that all threads share. */
  readonly startedAtMs: number;
  readonly everyMs: number;
  readonly endAfterMs: number;
  /** File that gets the last line before a stuck daemon is ended; absent: the error output. */
  readonly lastWordsPath?: string | undefined;
}

/** Daemon -> thread. */
export type ToHeartbeatThread =
  | { readonly type: 'content'; readonly content: HeartbeatContent }
  | { readonly type: 'addresses'; readonly addresses: readonly string[] }
  | { readonly type: 'stop' };

/** Thread -> daemon. */
export interface FromHeartbeatThread {
  readonly type: 'log';
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}
