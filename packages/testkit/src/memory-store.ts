import { MeshError, type MeshStore, type StoreChange, type StoredEvent } from '@meshwork/shared';

/** What several memory stores share: the database that outlives each client. */
export interface MemoryDatabase {
  readonly databaseId: string;
  revision: number;
  term: number;
  owner: string | undefined;
  readonly documents: Map<string, Map<string, string>>;
  events: StoredEvent[];
  lastEvent: number;
  readonly changes: Map<string, number>;
  readonly wakers: Set<() => void>;
}

/** A store without a server, for tests of what uses one. It passes the contract suite of the real one. */
export interface MemoryStore extends MeshStore {
  /** Lets it go away or come back; while away every call is refused. */
  become(state: 'up' | 'down'): void;
}

/** An empty database. */
export function createMemoryDatabase(databaseId = 'memory'): MemoryDatabase {
  return {
    databaseId,
    revision: 0,
    term: 0,
    owner: undefined,
    documents: new Map(),
    events: [],
    lastEvent: 0,
    changes: new Map(),
    wakers: new Set(),
  };
}

/** A client of a memory database; each of one database sees what the others did. */
export function createMemoryStore(
  database: MemoryDatabase = createMemoryDatabase(),
  options: { readonly eventsKept?: number } = {},
): MemoryStore {
  const eventsKept = options.eventsKept ?? 1_000;
  const listeners = new Set<(state: 'up' | 'down', reason: string) => void>();
  let state: 'up' | 'down' = 'up';

  /** Everything is answered in a later turn, as a server would, and refused while away. */
  async function answer<T>(work: () => T): Promise<T> {
    if (state === 'down')
      throw new MeshError(
        'MESH_STORE_UNAVAILABLE',
        'the store is away (told so); nothing was changed',
      );
    await Promise.resolve();
    return work();
  }

  function checkTerm(term: number): void {
    if (database.term === term) return;
    throw new MeshError('MESH_TERM_LOST', 'another main node took this mesh over', {
      details: { term, current: database.term },
    });
  }

  function apply(change: StoreChange): { revision: number } {
    const done = database.changes.get(change.changeId);
    if (done !== undefined) return { revision: done };
    checkTerm(change.term);
    const { set = [], delete: deleted = [], events = [], expectRevision } = change;
    if (expectRevision !== undefined && expectRevision !== database.revision) {
      throw new MeshError('MESH_PLAN_STALE', 'the state changed', {
        details: { revision: database.revision, expected: expectRevision },
      });
    }
    // Encoded before anything is changed: what cannot be refuses the whole change.
    const encoded = set.map((document) => ({ ...document, value: JSON.stringify(document.value) }));
    if (encoded.reduce((sum, { value }) => sum + value.length, 0) > 8 * 1024 * 1024)
      throw new MeshError('MESH_TOO_LARGE', 'the change is too large');
    if (set.length + deleted.length > 0) database.revision += 1;
    for (const { collection, key, value } of encoded) {
      const documents = database.documents.get(collection) ?? new Map<string, string>();
      database.documents.set(collection, documents.set(key, value));
    }
    for (const { collection, key } of deleted) database.documents.get(collection)?.delete(key);
    for (const body of events) {
      database.lastEvent += 1;
      database.events.push({
        id: `${database.lastEvent}-0`,
        body: JSON.parse(JSON.stringify(body)) as StoredEvent['body'],
      });
    }
    database.events = database.events.slice(-eventsKept);
    database.changes.set(change.changeId, database.revision);
    for (const wake of database.wakers) wake();
    return { revision: database.revision };
  }

  const numberOf = (id: string): number => Number.parseInt(id, 10);

  function read({ after, limit }: { readonly after?: string | undefined; readonly limit: number }) {
    if (after !== undefined && !/^\d+-\d+$/.test(after))
      throw new MeshError('MESH_INPUT_INVALID', `"${after}" is no position`);
    const from = after === undefined ? 0 : numberOf(after);
    const behind = database.events.filter((event) => numberOf(event.id) > from);
    const events = behind.slice(0, limit);
    const oldest = database.events[0];
    const last = events.at(-1);
    return {
      events,
      hasGap:
        from > database.lastEvent ||
        (from > 0 && oldest !== undefined && numberOf(oldest.id) > from),
      ...(last !== undefined && behind.length > limit && { next: last.id }),
    };
  }

  return {
    get state() {
      return state;
    },
    onStateChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    become(next) {
      state = next;
      for (const listener of listeners) listener(next, 'told so');
      if (next === 'up') for (const wake of database.wakers) wake();
    },
    open: () =>
      answer(() => {
        const { databaseId, revision, term } = database;
        return {
          databaseId,
          revision,
          term,
          isNew: term === 0 && revision === 0,
          history: term === 0 ? 'first' : 'same',
        };
      }),
    losses: () => answer(() => []),
    claimTerm: ({ atLeast, owner }) =>
      answer(() => {
        if (database.owner === owner && database.term > atLeast) return { term: database.term };
        const previous = database.owner;
        database.term = Math.max(database.term, atLeast) + 1;
        database.owner = owner;
        return {
          term: database.term,
          ...(previous !== undefined && { previous: { owner: previous, renewedAgoMs: 0 } }),
        };
      }),
    renewTerm: (term) => answer(() => checkTerm(term)),
    commit: (change) => answer(() => apply(change)),
    load: (collections) =>
      answer(() => ({
        revision: database.revision,
        documents: new Map(
          collections.map((name) => [
            name,
            new Map(
              [...(database.documents.get(name) ?? [])].map(([key, text]) => [
                key,
                JSON.parse(text) as unknown,
              ]),
            ),
          ]),
        ),
      })),
    readEvents: (options) => answer(() => read(options)),
    readLastEvents: (limit) => answer(() => database.events.slice(-limit)),
    async *followEvents({ after, signal }) {
      let news = Promise.withResolvers<void>();
      const wake = (): void => {
        news.resolve();
        news = Promise.withResolvers();
      };
      database.wakers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      try {
        let position = after ?? `${database.lastEvent}-0`;
        while (!signal.aborted) {
          const woken = news.promise;
          const page = state === 'up' ? read({ after: position, limit: 256 }) : undefined;
          if (page?.hasGap) yield { gap: true };
          position = page?.events.at(-1)?.id ?? position;
          yield* page?.events ?? [];
          if (page?.next === undefined && !signal.aborted) await woken;
        }
      } finally {
        database.wakers.delete(wake);
      }
    },
  };
}
