import {
  MeshError,
  type Component,
  type EventPage,
  type MeshStore,
  type StoredEvent,
} from '@meshwork/shared';
import {
  createRedisConnection,
  type RedisConnection,
  type RedisConnectionDeps,
  type RedisTarget,
} from './redis-connection.ts';
import { defineScript, runScript, toStoreError } from './run-script.ts';
import { READ_EVENTS } from './scripts.ts';
import { STORE_KEYS } from './store-keys.ts';
import { compareStreamIds, isStreamId } from './stream-id.ts';

/** The part of the store that is about its event stream. */
export type StoreEvents = Component &
  Pick<MeshStore, 'readEvents' | 'readLastEvents' | 'followEvents'> & {
    /** Events were appended: followers read on at once. */
    wake(): void;
  };

/** For so long the blocking connection waits for an event; then it asks again, so that a dead one is noticed. */
const BLOCK_MS = 5_000;
const BLOCK_REPLY_MS = 7_000;
const FOLLOW_PAGE = 256;
const PAUSE_MS = 50;
/** Read on from the oldest there is. */
const START = '0-0';

const script = defineScript(READ_EVENTS);

/**
 * Reads and follows the event stream.
 *
 * Each follower pulls pages from its own position, so that a slow one holds up nobody and nothing piles up; one blocking connection
 * for all says when there is something new.
 */
export function createStoreEvents(
  target: RedisTarget,
  connection: RedisConnection,
  deps: RedisConnectionDeps,
): StoreEvents {
  const tail = createRedisConnection(
    { target, name: 'mesh-events', replyMs: BLOCK_REPLY_MS },
    deps,
  );
  const stopping = new AbortController();
  let news = Promise.withResolvers<void>();
  let tailing: Promise<void> = Promise.resolve();

  function wake(): void {
    news.resolve();
    news = Promise.withResolvers<void>();
  }

  /** Before a failed call is made again: it may fail again at once. */
  const pause = (signal: AbortSignal): Promise<void> =>
    deps.clock.sleep(PAUSE_MS, signal).catch(() => {});

  async function followTail(): Promise<void> {
    let position = '$';
    while (!stopping.signal.aborted) {
      try {
        const answer = await tail.run((redis) =>
          redis.xread('COUNT', 100, 'BLOCK', BLOCK_MS, 'STREAMS', STORE_KEYS.events, position),
        );
        position = answer?.[0]?.[1].at(-1)?.[0] ?? position;
        if (answer !== null) wake();
      } catch {
        await untilUp(tail, stopping.signal);
        await pause(stopping.signal);
        // What came meanwhile, or a stream that began anew, is for the followers to find.
        position = '$';
        wake();
      }
    }
  }

  async function readEvents({
    after,
    limit,
  }: {
    readonly after?: string | undefined;
    readonly limit: number;
  }): Promise<EventPage> {
    if (after !== undefined && !isStreamId(after))
      throw new MeshError(
        'MESH_INPUT_INVALID',
        `"${after.slice(0, 64)}" is no position in the event stream`,
      );
    const read = (from: string) =>
      runScript(connection, script, [STORE_KEYS.meta, STORE_KEYS.events], [from, limit]).catch(
        (error: unknown) => {
          throw toStoreError(error);
        },
      );
    const isResumed = after !== undefined && after !== START;
    const found = (await read(after ?? '')) as [StreamRow[], string, string];
    const [, oldest, newest] = found;
    // A position that this stream has not reached yet is of another, or an emptied, database.
    const isForeign = isResumed && (newest === '' || compareStreamIds(after, newest) > 0);
    const [rows] = isForeign ? ((await read('')) as typeof found) : found;
    const events = rows.map(toEvent);
    const last = events.at(-1)?.id;
    return {
      events,
      hasGap: isForeign || (isResumed && compareStreamIds(oldest, after) > 0),
      ...(last !== undefined && compareStreamIds(last, newest) < 0 && { next: last }),
    };
  }

  async function readLastEvents(limit: number): Promise<readonly StoredEvent[]> {
    const rows = await connection
      .run((redis) => redis.xrevrange(STORE_KEYS.events, '+', '-', 'COUNT', limit))
      .catch((error: unknown) => {
        throw toStoreError(error);
      });
    return rows.map(toEvent).toReversed();
  }

  async function* followEvents({
    after,
    signal,
  }: Parameters<MeshStore['followEvents']>[0]): AsyncIterable<
    StoredEvent | { readonly gap: true }
  > {
    const until = AbortSignal.any([signal, stopping.signal]);
    until.addEventListener('abort', wake, { once: true });
    let position = after;
    while (!until.aborted) {
      // Taken before reading, so that nothing falls between the two.
      const woken = news.promise;
      let page: EventPage;
      try {
        position ??= (await readLastEvents(1))[0]?.id ?? START;
        page = await readEvents({ after: position, limit: FOLLOW_PAGE });
      } catch (error) {
        if (!(error instanceof MeshError) || error.code !== 'MESH_STORE_UNAVAILABLE') throw error;
        await untilUp(connection, until);
        await pause(until);
        continue;
      }
      if (page.hasGap) yield { gap: true };
      position = page.events.at(-1)?.id ?? (page.hasGap ? START : position);
      yield* page.events;
      if (page.next === undefined && !until.aborted) await woken;
    }
  }

  return {
    name: 'store events',
    async start(signal) {
      await tail.start(signal);
      tailing = followTail();
    },
    async stop(signal) {
      stopping.abort(new Error('the event stream is stopping'));
      await tail.stop(signal);
      await tailing;
    },
    wake,
    readEvents,
    readLastEvents,
    followEvents,
  };
}

type StreamRow = readonly [id: string, fields: readonly string[]];

function toEvent([id, fields]: StreamRow): StoredEvent {
  const body: unknown = JSON.parse(fields[fields.indexOf('body') + 1] ?? '{}');
  // Only `commit` writes this stream, and it takes records.
  return { id, body: body as StoredEvent['body'] };
}

/** Resolves when the connection is up, or the signal aborts. */
function untilUp(connection: RedisConnection, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (connection.state === 'up' || signal.aborted) return resolve();
    const done = (): void => {
      off();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const off = connection.onStateChange((state) => state === 'up' && done());
    signal.addEventListener('abort', done, { once: true });
  });
}
