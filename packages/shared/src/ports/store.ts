import type { Revision, Term } from '../ids.ts';

/** Anything JSON can hold; what comes back equals what was given after a trip through JSON. */
export type StoredValue = unknown;

/** One document: `collection` and `key` name it; `value` is what it holds. */
export interface StoreDocument {
  readonly collection: string;
  readonly key: string;
  readonly value: StoredValue;
}

/** One change of the durable state: happens as a whole or not at all. */
export interface StoreChange {
  /** The reign that makes it; refused when a higher one was claimed. */
  readonly term: Term;
  /** Minted by the caller once per change. A repeat with the same id answers what the first one did, and changes nothing. */
  readonly changeId: string;
  /** Only when the state is still this one. */
  readonly expectRevision?: Revision | undefined;
  readonly set?: readonly StoreDocument[];
  readonly delete?: readonly { readonly collection: string; readonly key: string }[];
  /** Appended to the event stream, in this order. */
  readonly events?: readonly Readonly<Record<string, unknown>>[];
}

/** One entry of the event stream. */
export interface StoredEvent {
  /** Position in the stream; rises. Also the `Last-Event-ID` of SSE. */
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Some events, oldest first. */
export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** Read on from here; undefined when the page holds the newest. */
  readonly next?: string;
  /** Events after the asked position were already trimmed away. */
  readonly hasGap: boolean;
}

/** All documents at one moment. */
export interface StoreSnapshot {
  readonly revision: Revision;
  /** By collection, then key; an empty collection is an empty map. */
  readonly documents: ReadonlyMap<string, ReadonlyMap<string, StoredValue>>;
}

/** What the store says about itself when it is opened. */
export interface StoreIdentity {
  /** Minted when the database was first used: another one means another, or an emptied, database. */
  readonly databaseId: string;
  readonly isNew: boolean;
  readonly revision: Revision;
  /** Highest term that was ever claimed in it. */
  readonly term: Term;
  /**
   * What became of the database since this main node last used it, as its own disk remembers: `older` was restored from a copy,
   * `other` is another or an emptied one.
   */
  readonly history: 'first' | 'same' | 'older' | 'other';
}

/** Something that the store can lose although it acknowledged it. */
export interface StoreLoss {
  /** `no-aof`, `aof-not-always`, `eviction`, `async-failover`, `replica`, `settings-hidden`. */
  readonly name: string;
  readonly reason: string;
}

/** A claimed term, and whose reign it ended. */
export interface ClaimedTerm {
  readonly term: Term;
  readonly previous?: { readonly owner: string; readonly renewedAgoMs: number };
}

/**
 * The durable state of a mesh: documents, a revision, an event stream.
 *
 * All calls reject with MESH_STORE_UNAVAILABLE, at once, while the store is away: nothing is queued and nothing was done. What is
 * acknowledged survives kill -9 of everything.
 */
export interface MeshStore {
  /** Whether calls are worth making now. */
  readonly state: 'up' | 'down';
  /** Tells each change of `state`; returns how to stop that. */
  onStateChange(listener: (state: 'up' | 'down', reason: string) => void): () => void;

  /**
   * Makes sure that the database can be used by this release, and says which one it is.
   *
   * Throws MESH_FORMAT_NEWER, MESH_STORE_FORMAT. Idempotent; called before anything else.
   */
  open(): Promise<StoreIdentity>;

  /** What the store can lose; empty when nothing. The embedded one loses nothing. */
  losses(): Promise<readonly StoreLoss[]>;

  /**
   * Begins a reign: term = highest of stored and `atLeast`, plus one. `owner` is minted per process; repeating with the same owner
   * answers the same term as long as nobody else claimed.
   */
  claimTerm(claim: { readonly atLeast: Term; readonly owner: string }): Promise<ClaimedTerm>;

  /** Says that this reign goes on. Throws MESH_TERM_LOST when another one began. */
  renewTerm(term: Term): Promise<void>;

  /**
   * Makes one change durable, and resolves with the revision after it. The revision rises by one when documents change.
   *
   * Throws MESH_TERM_LOST; MESH_PLAN_STALE when `expectRevision` is not met; MESH_STORE_WENT_BACK when the database is older or
   * another than the one this client worked with; MESH_OUTCOME_UNKNOWN when the answer was lost: repeat it with the same id.
   */
  commit(change: StoreChange): Promise<{ readonly revision: Revision }>;

  /** Documents of these collections and the revision, at one moment. */
  load(collections: readonly string[]): Promise<StoreSnapshot>;

  /** Up to `limit` events after `after` (exclusive); without it from the oldest. */
  readEvents(options: {
    readonly after?: string | undefined;
    readonly limit: number;
  }): Promise<EventPage>;

  /** The newest `limit` events, oldest first. */
  readLastEvents(limit: number): Promise<readonly StoredEvent[]>;

  /**
   * Every event after `after` as it comes; without it those from now on. Waits while the store is away and goes on where it was.
   * A `gap` says that events were trimmed before they were read. Ends, without an error, when the signal aborts.
   */
  followEvents(options: {
    readonly after?: string | undefined;
    readonly signal: AbortSignal;
  }): AsyncIterable<StoredEvent | { readonly gap: true }>;
}
