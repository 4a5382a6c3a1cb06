import { Redis, type RedisOptions } from 'ioredis';
import { MeshError, type Clock, type Component, type Logger, type Random } from '@meshwork/shared';

/** Where a Redis is: a socket on this machine, or `redis://` / `rediss://`. */
export type RedisTarget = { readonly path: string } | { readonly url: string };

/** What a connection needs. */
export interface RedisConnectionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How a connection behaves. */
export interface RedisConnectionOptions {
  readonly target: RedisTarget;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  /** A server that does not answer a command for this long counts as away. Default 2,000. */
  readonly replyMs?: number;
}

/** One connection that knows whether it is of use, and never queues. */
export interface RedisConnection extends Component {
  readonly state: 'up' | 'down';
  onStateChange(listener: (state: 'up' | 'down', reason: string) => void): () => void;
  /**
   * Makes one call. Rejects at once with MESH_STORE_UNAVAILABLE while the server is away (nothing was sent), with
   * {@link ReplyLost} when it was sent and no answer came, and with what Redis answered.
   */
  run<T>(call: (redis: Redis) => Promise<T>): Promise<T>;
}

/** A command was sent and its answer did not come: it may have been carried out. */
export class ReplyLost extends Error {
  override readonly name = 'ReplyLost';
}

const CONNECT_MS = 1_000;
const PING_MS = 1_000;

/** A connection to Redis that starts, is watched, and comes back by itself. */
export function createRedisConnection(
  options: RedisConnectionOptions,
  deps: RedisConnectionDeps,
): RedisConnection {
  const { clock, logger } = deps;
  const listeners = new Set<(state: 'up' | 'down', reason: string) => void>();
  const stopping = new AbortController();
  const redis = createClient(options, deps.random);
  let state: 'up' | 'down' = 'down';
  let lastError = 'not connected yet';
  let watching: Promise<void> = Promise.resolve();

  function become(next: 'up' | 'down', reason: string): void {
    if (state === next) return;
    state = next;
    if (next === 'up') logger.info({ redis: options.name }, 'store is up');
    else if (!stopping.signal.aborted)
      logger.warn({ redis: options.name, reason }, 'store is away');
    for (const listener of listeners) listener(next, reason);
  }

  redis.on('ready', () => become('up', 'connected'));
  redis.on('close', () => become('down', lastError));
  redis.on('error', (error: Error) => {
    lastError = error.message;
    logger.debug({ redis: options.name, err: error }, 'redis connection failed');
  });

  /** A silent server is found out by a command that gets no answer, also while nobody else asks. */
  async function watch(): Promise<void> {
    for await (const _ of clock.ticks(PING_MS, stopping.signal)) {
      if (state === 'up') await redis.ping().catch(() => {});
    }
  }

  return {
    name: `redis connection ${options.name}`,
    get state() {
      return state;
    },
    onStateChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async run(call) {
      // Between the end of the stream and its `close` event nothing can be sent either, and nobody may be told to try again.
      if (redis.status !== 'ready' || !redis.stream.writable) become('down', lastError);
      if (state === 'down') throw storeAway(lastError);
      try {
        return await call(redis);
      } catch (error) {
        if (
          error instanceof Error &&
          error.name !== 'ReplyError' &&
          !(error instanceof MeshError)
        ) {
          throw new ReplyLost(error.message, { cause: error });
        }
        throw error;
      }
    },
    async start(signal) {
      signal.throwIfAborted();
      const ready = new Promise<void>((resolve, reject) => {
        redis.once('ready', resolve);
        signal.addEventListener('abort', () => reject(storeAway(lastError)), { once: true });
      });
      // The first try may fail; the client goes on trying, and `ready` or the signal decides.
      redis.connect().catch(() => {});
      try {
        await ready;
      } catch (error) {
        redis.disconnect();
        throw error;
      }
      watching = watch();
    },
    async stop() {
      stopping.abort(new Error('the store connection is stopping'));
      const ended = new Promise((resolve) => redis.once('end', resolve));
      // Between two tries there is nothing to close, and ioredis says `end` to nobody.
      const isClosed = ['wait', 'end', 'reconnecting'].includes(redis.status);
      redis.disconnect();
      if (!isClosed) await ended;
      // Its ping may wait behind a command that blocks for seconds; closed, it waits no more.
      await watching;
    },
  };
}

/** What a caller gets while the store is away: it did nothing, and the same call may work later. */
export function storeAway(reason: string): MeshError {
  return new MeshError(
    'MESH_STORE_UNAVAILABLE',
    `the store is away (${reason}); nothing was changed`,
    { details: { reason } },
  );
}

function createClient(
  { target, name, replyMs = 2_000 }: RedisConnectionOptions,
  random: Random,
): Redis {
  const settings = {
    lazyConnect: true,
    connectionName: name,
    connectTimeout: CONNECT_MS,
    // Both: the first rejects the caller, the second drops a connection on which nothing is answered any more.
    commandTimeout: replyMs,
    socketTimeout: replyMs,
    keepAlive: 10_000,
    // A repeated command is one too many unless its script knows it again; so nobody but the caller repeats.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    // Not 20: with less patience than one retry, commands without an answer are rejected when the connection closes. Without
    // resending, ioredis would otherwise forget them unanswered.
    maxRetriesPerRequest: 0,
    retryStrategy: (times: number) => Math.min(25 * 2 ** times, 500) * (0.5 + random.next() / 2),
  } satisfies RedisOptions;
  return 'path' in target
    ? new Redis({ ...settings, path: target.path })
    : new Redis(target.url, settings);
}
