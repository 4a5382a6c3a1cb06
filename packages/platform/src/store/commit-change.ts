import { MeshError, type Clock, type StoreChange } from '@meshwork/shared';
import { ReplyLost, type RedisConnection } from './redis-connection.ts';
import { defineScript, runScript, toStoreError } from './run-script.ts';
import { COMMIT } from './scripts.ts';
import { STORE_KEYS, collectionKey } from './store-keys.ts';

/** What the store knows when a change is made. */
export interface CommitContext {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  readonly databaseId: string;
  /** Highest revision this client has seen. */
  readonly seenRevision: number;
  readonly eventsKept: number;
}

/** Changes that a repeat finds again; a repeat comes within seconds. */
const CHANGES_REMEMBERED = 1_000;
/** All of one change, as JSON. */
const MAX_CHANGE_BYTES = 8 * 1024 * 1024;
/** After a lost answer the store is asked again once it is back, for so long. */
const ASK_AGAIN_MS = 5_000;
const ASK_PAUSE_MS = 10;

const script = defineScript(COMMIT);

/** Makes one change and answers the revision after it; see `MeshStore.commit`. */
export async function commitChange(change: StoreChange, context: CommitContext): Promise<number> {
  const { keys, args } = encodeChange(change, context);
  const answer = await untilAnswered(change.changeId, context, () =>
    runScript(context.connection, script, keys, args),
  );
  const [word, text] = answer.map(String);
  const number = Number(text);
  switch (word) {
    case 'ok':
      return number;
    case 'stale':
      throw new MeshError(
        'MESH_PLAN_STALE',
        `the state is at revision ${number}, the change was made for ${change.expectRevision}`,
        {
          details: { revision: number, expected: change.expectRevision },
        },
      );
    case 'term':
      if (number > change.term) throw termLost(change.term, number);
      throw wentBack(`it is at term ${number}, this main node reigns in term ${change.term}`);
    case 'older':
      throw wentBack(`it is at revision ${number}, this main node saw ${context.seenRevision}`);
    default:
      throw wentBack('it is another database, or was emptied');
  }
}

/** Another main node reigns now. */
export function termLost(term: number, current: number): MeshError {
  return new MeshError(
    'MESH_TERM_LOST',
    `another main node took this mesh over: its term is ${current}, ours was ${term}`,
    {
      details: { term, current },
    },
  );
}

/** The database is not the one that this client worked with. */
export function wentBack(reason: string): MeshError {
  return new MeshError('MESH_STORE_WENT_BACK', `the store went back: ${reason}`, {
    details: { reason },
  });
}

function encodeChange(
  change: StoreChange,
  context: CommitContext,
): { keys: string[]; args: (string | number)[] } {
  const { set = [], delete: deleted = [], events = [] } = change;
  const keys: string[] = [
    STORE_KEYS.meta,
    STORE_KEYS.changes,
    STORE_KEYS.changeOrder,
    STORE_KEYS.events,
    STORE_KEYS.collections,
  ];
  const indexOf = (collection: string): number => {
    const key = collectionKey(collection);
    const known = keys.indexOf(key);
    return known >= 0 ? known + 1 : keys.push(key);
  };
  const body = [
    ...set.flatMap((document) => [
      indexOf(document.collection),
      document.key,
      JSON.stringify(document.value),
    ]),
    ...deleted.flatMap((document) => [indexOf(document.collection), document.key]),
    ...events.map((event) => JSON.stringify(event)),
  ];
  const bytes = body.reduce<number>(
    (sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(part) : 0),
    0,
  );
  if (bytes > MAX_CHANGE_BYTES) {
    throw new MeshError(
      'MESH_TOO_LARGE',
      `one change of the state may hold ${MAX_CHANGE_BYTES} bytes, this one has ${bytes}`,
    );
  }
  const head = [
    context.databaseId,
    context.seenRevision,
    change.term,
    change.changeId,
    change.expectRevision ?? '',
    CHANGES_REMEMBERED,
    context.eventsKept,
    set.length,
    deleted.length,
    events.length,
  ];
  return { keys, args: [...head, ...body] };
}

/** Repeats a call whose answer was lost: the script knows the change again, so it never happens twice. */
async function untilAnswered<T>(
  changeId: string,
  context: CommitContext,
  call: () => Promise<T>,
): Promise<T> {
  const { connection, clock } = context;
  let lostAtMs: number | undefined;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isAway = error instanceof MeshError && error.code === 'MESH_STORE_UNAVAILABLE';
      if (error instanceof ReplyLost) lostAtMs ??= clock.monotonic();
      else if (lostAtMs === undefined || !isAway) throw toStoreError(error);
      const leftMs = lostAtMs + ASK_AGAIN_MS - clock.monotonic();
      if (leftMs > 0 && (await isUpWithin(leftMs, connection, clock))) {
        // A connection that just failed may not have said so yet; asking in the same turn would keep it from doing so.
        await clock.sleep(ASK_PAUSE_MS, new AbortController().signal);
        continue;
      }
      throw new MeshError(
        'MESH_OUTCOME_UNKNOWN',
        `the store went away before it answered change ${changeId}; it may have been made`,
        {
          details: { changeId },
          cause: error,
        },
      );
    }
  }
}

async function isUpWithin(ms: number, connection: RedisConnection, clock: Clock): Promise<boolean> {
  if (connection.state === 'up') return true;
  const done = new AbortController();
  const isUp = new Promise<true>((resolve) => {
    const off = connection.onStateChange((state) => state === 'up' && resolve(true));
    done.signal.addEventListener('abort', off, { once: true });
  });
  const isLate = clock.sleep(ms, done.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([isUp, isLate]);
  } finally {
    done.abort();
  }
}
