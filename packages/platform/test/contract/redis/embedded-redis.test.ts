import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@meshwork/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../../src/base/logger.ts';
import { createMetrics } from '../../../src/base/metrics.ts';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import {
  createEmbeddedRedis,
  type EmbeddedRedis,
  type EmbeddedRedisOptions,
} from '../../../src/redis/embedded-redis.ts';
import { locateRedis } from '../../../src/redis/locate-redis.ts';
import { probeRedis } from '../../../src/redis/probe-redis.ts';
import { createProcessRuntime } from '../../../src/runtime/create-process-runtime.ts';
import { createRedisStore } from '../../../src/store/redis-store.ts';

const never = new AbortController().signal;
const deps = {
  clock: createSystemClock(),
  random: createSystemRandom(),
  logger: createLogger({ name: 'test', level: 'silent' }),
};

let root: string;
const living = new Set<EmbeddedRedis>();
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mesh-embedded-'));
});
afterEach(async () => {
  for (const redis of living) await redis.end(never);
  living.clear();
  rmSync(root, { recursive: true });
});

/** What one main node has; another call is the next main node in the same folder. */
function create(options: Partial<EmbeddedRedisOptions> = {}): EmbeddedRedis {
  const dir = options.dir ?? join(root, 'redis');
  const redis = createEmbeddedRedis(
    {
      dir,
      runtimeDir: root,
      maxMemoryBytes: 64 * 1024 * 1024,
      minFreeBytes: 1024 * 1024,
      ballastBytes: 1024 * 1024,
      locate: (signal) => locateRedis({ env: process.env, onProgress: () => {}, signal }),
      ...options,
    },
    {
      ...deps,
      metrics: createMetrics({ processMetrics: false }),
      runtime: createProcessRuntime({ dir: join(dir, 'runs') }, deps),
    },
  );
  living.add(redis);
  return redis;
}

async function start(options: Partial<EmbeddedRedisOptions> = {}): Promise<EmbeddedRedis> {
  const redis = create(options);
  await redis.start(never);
  return redis;
}

/** As a main node that ends or dies leaves it. */
async function leave(redis: EmbeddedRedis): Promise<void> {
  await redis.stop(never);
  living.delete(redis);
}

async function withStore<T>(
  redis: EmbeddedRedis,
  use: (store: ReturnType<typeof createRedisStore>) => Promise<T>,
): Promise<T> {
  const target = { path: redis.socketPath };
  const store = createRedisStore(
    { target, dataDir: root, eventsKept: 100, refusal: redis.refusal },
    deps,
  );
  await store.start(AbortSignal.timeout(10_000));
  await store.open();
  try {
    return await use(store);
  } finally {
    await store.stop(never);
  }
}

const write = (redis: EmbeddedRedis, value: string): Promise<unknown> =>
  withStore(redis, async (store) => {
    const { term } = await store.claimTerm({ atLeast: 0, owner: value });
    return store.commit({
      term,
      changeId: value,
      set: [{ collection: 'test', key: 'value', value }],
    });
  });
const read = (redis: EmbeddedRedis): Promise<unknown> =>
  withStore(redis, async (store) =>
    (await store.load(['test'])).documents.get('test')?.get('value'),
  );

test('starts a store that can lose nothing and that only its owner can enter', async () => {
  const redis = await start();

  expect(await withStore(redis, (store) => store.losses())).toEqual([]);
  expect(statSync(redis.socketPath).mode & 0o777).toBe(0o700);
});

test('runs on when its main node goes, and the next one takes it over without a restart', async () => {
  const first = await start();
  const { pid } = first;
  await write(first, 'kept');
  await leave(first);
  expect(await probeRedis(first.socketPath, 1_000)).toBe('ready');

  const second = await start();

  expect(second.pid).toBe(pid);
  expect(await read(second)).toBe('kept');
});

test('survives kill -9 of its main node, and the next one takes it over', async () => {
  const fixture = fileURLToPath(new URL('../../fixtures/hold-redis.ts', import.meta.url));
  const owner = spawn(process.execPath, [fixture, join(root, 'redis')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = (await once(owner.stdout, 'data')) as [Buffer];
  const ended = once(owner, 'exit');

  owner.kill('SIGKILL');
  await ended;
  const next = await start();

  expect(next.pid).toBe(Number(chunk.toString()));
});

test('is started again after kill -9, with all that was acknowledged', async () => {
  const redis = await start();
  const { pid } = redis;
  await write(redis, 'kept');

  process.kill(pid ?? 0, 'SIGKILL');
  await until('another redis runs', () => redis.pid !== undefined && redis.pid !== pid);

  expect(await read(redis)).toBe('kept');
});

test('is restarted when it lives but does not answer any more, while watched and when taken over', async () => {
  const first = await start({ unresponsiveMs: 600 });
  const { pid } = first;
  await write(first, 'kept');

  process.kill(pid ?? 0, 'SIGSTOP');
  await until('another redis runs', () => first.pid !== undefined && first.pid !== pid, {
    withinMs: 20_000,
  });
  expect(await read(first)).toBe('kept');

  const secondPid = first.pid;
  await leave(first);
  process.kill(secondPid ?? 0, 'SIGSTOP');
  const second = await start({ unresponsiveMs: 600 });
  expect(second.pid).not.toBe(secondPid);
  expect(await read(second)).toBe('kept');
});

test('is started by the next main node when it died while nobody watched', async () => {
  const first = await start();
  await write(first, 'kept');
  const { pid } = first;
  await leave(first);
  process.kill(pid ?? 0, 'SIGKILL');
  await until('redis is gone', async () => (await probeRedis(first.socketPath, 1_000)) === 'away');

  const second = await start();

  expect(second.pid).not.toBe(pid);
  expect(await read(second)).toBe('kept');
});

test('is started anew when its settings changed', async () => {
  const first = await start();
  const { pid } = first;
  await write(first, 'kept');
  await leave(first);

  const second = await start({ maxMemoryBytes: 32 * 1024 * 1024 });

  expect(second.pid).not.toBe(pid);
  expect(await read(second)).toBe('kept');
});

test('ends for good when told so', async () => {
  const redis = await start();

  await redis.end(never);
  living.delete(redis);

  expect(await probeRedis(redis.socketPath, 1_000)).toBe('away');
  expect(readdirSync(join(root, 'redis', 'runs'))).toEqual([]);
});

test('starts with an append file whose last write was cut off, and keeps what came before', async () => {
  const first = await start();
  await write(first, 'kept');
  await write(first, 'torn');
  await first.end(never);
  living.delete(first);
  const appendDir = join(root, 'redis', 'data', 'appendonlydir');
  const newest = readdirSync(appendDir).find((name) => name.endsWith('.incr.aof')) ?? '';
  truncateSync(join(appendDir, newest), statSync(join(appendDir, newest)).size - 5);

  const second = await start();

  expect(await read(second)).toBe('kept');
});

test('says the last words of a server that does not start', async () => {
  const first = await start();
  await write(first, 'kept');
  await first.end(never);
  living.delete(first);
  const appendDir = join(root, 'redis', 'data', 'appendonlydir');
  const manifest = readdirSync(appendDir).find((name) => name.endsWith('.manifest')) ?? '';
  truncateSync(join(appendDir, manifest), 3);

  const second = create();
  await expect(second.start(never)).rejects.toMatchObject({
    code: 'MESH_STORE_UNAVAILABLE',
    message: expect.stringMatching(/manifest/i),
  });
  living.delete(second);
});

test('puts its socket elsewhere when its own folder is too deep for one', async () => {
  const dir = join(root, 'x'.repeat(100), 'redis');

  const redis = await start({ dir });

  expect(redis.socketPath.startsWith(dir)).toBe(false);
  expect(await probeRedis(redis.socketPath, 1_000)).toBe('ready');
});
