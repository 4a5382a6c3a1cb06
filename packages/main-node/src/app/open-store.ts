import { join } from 'node:path';
import {
  createEmbeddedRedis,
  createProcessRuntime,
  createRedisStore,
  locateRedis,
  type EmbeddedRedis,
  type LoadedConfig,
} from '@meshwork/platform';
import {
  MeshError,
  type Clock,
  type Component,
  type Logger,
  type MainNodeConfig,
  type MeshStore,
  type Metrics,
  type Random,
} from '@meshwork/shared';

/** The store with the Redis under it. */
export interface OpenedStore extends Component {
  readonly store: MeshStore;
  /** What it can lose, in words; empty: nothing. Known after `start`. */
  readonly losses: readonly string[];
  /** Why changes must be refused now, by the state of the disk. */
  refusal(): MeshError | undefined;
  /** Like `stop`, and the embedded Redis ends, too. */
  end(signal: AbortSignal): Promise<void>;
}

/** Makes the store of a config: over the Redis that is named there, or over one that this main node owns. */
export function openStore(options: {
  readonly dir: string;
  readonly config: LoadedConfig<MainNodeConfig>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly runtimeDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}): OpenedStore {
  const { dir, logger } = options;
  const { redis: settings, events } = options.config.value;
  const embedded = settings.url === undefined ? openEmbedded(options) : undefined;
  const target =
    embedded === undefined ? { url: settings.url ?? '' } : { path: embedded.socketPath };
  const store = createRedisStore({ target, dataDir: dir, eventsKept: events.keep }, options);
  let losses: readonly string[] = [];

  return {
    name: 'store',
    store,
    get losses() {
      return losses;
    },
    refusal: () => embedded?.refusal(),
    async start(signal) {
      await embedded?.start(signal);
      try {
        await store.start(signal);
        const found = await store.losses();
        losses = found.map(({ name, reason }) => `${name}: ${reason}`);
        const surprising = found.filter(({ name }) => !settings.acceptLoss.includes(name));
        if (surprising.length > 0) throw notDurable(surprising);
        if (losses.length > 0) logger.warn({ losses }, 'the store can lose acknowledged changes');
      } catch (error) {
        await store.stop(AbortSignal.abort());
        await embedded?.stop(AbortSignal.abort());
        throw error;
      }
    },
    async stop(signal) {
      await store.stop(signal);
      await embedded?.stop(signal);
    },
    async end(signal) {
      await store.stop(signal);
      await embedded?.end(signal);
    },
  };
}

function openEmbedded(options: Parameters<typeof openStore>[0]): EmbeddedRedis {
  const { dir, env, clock, random, logger, metrics } = options;
  const { redis } = options.config.value;
  const redisDir = join(dir, 'redis');
  return createEmbeddedRedis(
    {
      dir: redisDir,
      runtimeDir: options.runtimeDir,
      maxMemoryBytes: redis.maxMemory,
      minFreeBytes: redis.minFree,
      ballastBytes: redis.ballast,
      locate: (signal) =>
        locateRedis({
          env,
          signal,
          onProgress: (step) => logger.info({ step }, 'looking for a Redis server'),
        }),
    },
    {
      runtime: createProcessRuntime({ dir: join(redisDir, 'runs') }, { clock, random, logger }),
      clock,
      random,
      logger,
      metrics,
    },
  );
}

function notDurable(
  losses: readonly { readonly name: string; readonly reason: string }[],
): MeshError {
  const lines = losses.map(({ name, reason }) => `${name}: ${reason}`);
  return new MeshError(
    'MESH_STORE_NOT_DURABLE',
    `this Redis can lose acknowledged changes\n${lines.join('\n')}\nset it up otherwise, or accept each by name in redis.acceptLoss`,
    { details: { losses } },
  );
}
