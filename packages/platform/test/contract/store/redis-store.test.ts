import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshError, type StoreChange } from '@meshwork/shared';
import { startRealRedis, until, type RealRedis } from '@meshwork/testkit';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../../src/base/logger.ts';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import { createRedisStore, type RedisStoreOptions } from '../../../src/store/redis-store.ts';

const never = new AbortController().signal;
const deps = {
  clock: createSystemClock(),
  random: createSystemRandom(),
  logger: createLogger({ name: 'test', level: 'silent' }),
};

type Store = ReturnType<typeof createRedisStore>;
let redis: RealRedis;
let dataDir: string;
const endings: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  redis = await startRealRedis();
  dataDir = mkdtempSync(join(tmpdir(), 'mesh-store-'));
});
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
  await redis.stop();
  rmSync(dataDir, { recursive: true });
});

async function connect(options: Partial<RedisStoreOptions> = {}): Promise<Store> {
  const store = createRedisStore(
    { target: { path: redis.socketPath }, dataDir, eventsKept: 10_000, ...options },
    deps,
  );
  await store.start(AbortSignal.timeout(10_000));
  endings.push(() => store.stop(never));
  return store;
}

/** A store in reign, and a way to change one document or append one event in it. */
async function reign(options: Partial<RedisStoreOptions> = {}) {
  const store = await connect(options);
  const identity = await store.open();
  const { term } = await store.claimTerm({ atLeast: 0, owner: `owner-${endings.length}` });
  const commit = (change: Partial<StoreChange> & { readonly changeId: string }) =>
    store.commit({ term, ...change });
  const write = (n: number) =>
    commit({
      changeId: `c${n}`,
      set: [{ collection: 'test', key: `k${n}`, value: n }],
      events: [{ n }],
    });
  return { store, identity, term, commit, write };
}

/** A plain client, to do to the database what a person or an accident could. */
function plain(): Redis {
  const client = new Redis({ path: redis.socketPath, lazyConnect: true });
  endings.push(async () => client.disconnect());
  return client;
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof MeshError ? error.code : String(error)),
  );

test('nothing acknowledged is lost and nothing happens twice while Redis is killed again and again', async () => {
  const total = 2_000;
  const { store, write } = await reign();
  const acknowledged = new Set<number>();
  let next = 0;
  /** As a careful caller: refused means not done, unknown means ask again with the same id. */
  async function work(): Promise<void> {
    for (let n = next++; n < total; n = next++) {
      while ((await codeOf(write(n))) !== 'done')
        await until('the store is up', () => store.state === 'up', { withinMs: 20_000 });
      acknowledged.add(n);
    }
  }
  async function kill(): Promise<number> {
    let kills = 0;
    while (acknowledged.size < total) {
      const mark = Math.min(acknowledged.size + 250, total);
      await until('some more changes', () => acknowledged.size >= mark, { withinMs: 20_000 });
      await redis.restart();
      kills += 1;
    }
    return kills;
  }

  const [kills] = await Promise.all([kill(), ...Array.from({ length: 8 }, work)]);
  await until('the store is up', () => store.state === 'up');

  const { revision, documents } = await store.load(['test']);
  const numbers = new Set<unknown>();
  let appended = 0;
  for (let after: string | undefined; ;) {
    const page = await store.readEvents({ after, limit: 500 });
    for (const event of page.events) numbers.add(event.body['n']);
    appended += page.events.length;
    after = page.next;
    if (after === undefined) break;
  }
  expect(kills).toBeGreaterThanOrEqual(5);
  expect([...acknowledged].filter((n) => documents.get('test')?.get(`k${n}`) !== n)).toEqual([]);
  expect(revision).toBe(total);
  expect([appended, numbers.size]).toEqual([total, total]);
});

/** Stands between client and server, and loses answers. */
async function startLossyProxy(
  path: string,
): Promise<{ readonly path: string; loseNextAnswer(): void }> {
  const proxyPath = join(dataDir, 'proxy.sock');
  const sockets = new Set<Socket>();
  let isLosing = false;
  const server: Server = createServer((client) => {
    const upstream = createConnection(path);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
    let hasCommit = false;
    client.on('data', (chunk: Buffer) => {
      hasCommit ||= chunk.includes('lose-me');
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (isLosing && hasCommit) {
        isLosing = false;
        client.destroy();
      } else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(proxyPath, resolve));
  endings.push(() => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    return closed;
  });
  return { path: proxyPath, loseNextAnswer: () => void (isLosing = true) };
}

test('a change whose answer was lost is made once, and its caller gets the answer', async () => {
  const proxy = await startLossyProxy(redis.socketPath);
  const { store, commit } = await reign({ target: { path: proxy.path } });
  await commit({ changeId: 'before', set: [{ collection: 'test', key: 'a', value: 1 }] });

  proxy.loseNextAnswer();
  const answer = await commit({
    changeId: 'lose-me',
    set: [{ collection: 'test', key: 'a', value: 2 }],
    events: [{ n: 1 }],
  });

  expect(answer).toEqual({ revision: 2 });
  expect((await store.load(['test'])).revision).toBe(2);
  expect((await store.readEvents({ limit: 10 })).events).toHaveLength(1);
});

test('while Redis is away every call is refused at once and none is made later', async () => {
  const { store, write } = await reign();
  await write(0);
  await redis.kill();
  await until('the store noticed', () => store.state === 'down');

  const startedMs = performance.now();
  const codes = await Promise.all(
    [write(1), store.load(['test']), store.readEvents({ limit: 1 }), store.renewTerm(1)].map(
      codeOf,
    ),
  );
  const tookMs = performance.now() - startedMs;
  await redis.restart();
  await until('the store is up', () => store.state === 'up');

  expect(new Set(codes)).toEqual(new Set(['MESH_STORE_UNAVAILABLE']));
  expect(tookMs).toBeLessThan(100);
  expect((await store.load(['test'])).documents.get('test')).toEqual(new Map([['k0', 0]]));
});

test('a Redis that is alive but silent counts as away, and as back when it answers', async () => {
  const { store, write } = await reign();
  const changes: string[] = [];
  store.onStateChange((state) => changes.push(state));

  redis.freeze();
  await until('the silence was noticed', () => store.state === 'down', { withinMs: 10_000 });
  expect(await codeOf(write(1))).toBe('MESH_STORE_UNAVAILABLE');
  redis.thaw();
  await until('the store is up', () => store.state === 'up', { withinMs: 10_000 });

  expect(await codeOf(write(2))).toBe('done');
  expect(changes).toEqual(['down', 'up']);
});

test('a follower goes on where it was after Redis was killed, without loss or repetition', async () => {
  const { store, write } = await reign();
  const leave = new AbortController();
  const seen: unknown[] = [];
  const following = (async () => {
    for await (const event of store.followEvents({ after: '0-0', signal: leave.signal })) {
      seen.push('gap' in event ? 'gap' : event.body['n']);
      if (seen.length === 20) leave.abort();
    }
  })();
  for (let n = 0; n < 10; n += 1) await write(n);

  await redis.restart();
  await until('the store is up', () => store.state === 'up');
  for (let n = 10; n < 20; n += 1) await write(n);
  await following;

  expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test('an emptied database is refused, not written over', async () => {
  const { store, write } = await reign();
  await write(0);

  await plain().flushall();

  expect(await codeOf(write(1))).toBe('MESH_STORE_WENT_BACK');
  expect(await codeOf(store.renewTerm(1))).toBe('MESH_STORE_WENT_BACK');
  expect(await codeOf(store.load(['test']))).toBe('MESH_STORE_WENT_BACK');
  expect(await codeOf(store.claimTerm({ atLeast: 0, owner: 'next' }))).toBe('MESH_STORE_WENT_BACK');
  expect(await plain().dbsize()).toBe(0);
});

test('a database restored from a copy is refused while running, and told when opened', async () => {
  const { store, write, identity } = await reign();
  await write(0);
  await redis.kill();
  cpSync(join(redis.dir, 'appendonlydir'), join(dataDir, 'copy'), { recursive: true });
  await redis.restart();
  await until('the store is up', () => store.state === 'up');
  for (let n = 1; n < 5; n += 1) await write(n);
  await until('the witness was written', () => existsSync(join(dataDir, 'store-witness.json')));

  await redis.kill();
  rmSync(join(redis.dir, 'appendonlydir'), { recursive: true });
  cpSync(join(dataDir, 'copy'), join(redis.dir, 'appendonlydir'), { recursive: true });
  await redis.restart();
  await until('the store is up', () => store.state === 'up');

  expect(await codeOf(write(5))).toBe('MESH_STORE_WENT_BACK');
  const reopened = await (await connect()).open();
  expect(identity.history).toBe('first');
  expect(reopened).toMatchObject({
    history: 'older',
    databaseId: identity.databaseId,
    revision: 1,
  });
});

test('another database is told apart from the one that was here, and the same one is known again', async () => {
  const { write } = await reign();
  await write(0);
  const same = await (await connect()).open();
  await plain().flushall();

  const other = await (await connect()).open();

  expect(same).toMatchObject({ history: 'same', isNew: false });
  expect(other).toMatchObject({ history: 'other', isNew: true, revision: 0, term: 0 });
});

test.each([
  [
    'a newer release wrote',
    'MESH_FORMAT_NEWER',
    'start the newer release',
    (client: Redis) => client.hset('{mesh}:meta', 'version', 99),
  ],
  [
    'somebody else uses',
    'MESH_STORE_FORMAT',
    'Redis of its own',
    (client: Redis) => client.hset('{mesh}:meta', 'format', 'shop'),
  ],
  [
    'has lost its head',
    'MESH_STORE_FORMAT',
    'restore a copy',
    (client: Redis) => client.del('{mesh}:meta'),
  ],
])('a store that %s is refused with what to do', async (_, code, advice, spoil) => {
  const { write } = await reign();
  await write(0);
  await spoil(plain());

  const opened = (await connect()).open();

  await expect(opened).rejects.toMatchObject({ code, message: expect.stringContaining(advice) });
});

test('an older store is brought up step by step, each after a copy, and only once', async () => {
  const { write } = await reign();
  await write(0);
  const ran: number[] = [];
  const step = (to: number) => ({
    to,
    async migrate(client: Redis) {
      ran.push(to);
      await client.hset('{mesh}:doc:test', 'k0', `"version ${to}"`);
    },
  });
  const migrations = { target: 3, steps: [step(2), step(3)] };

  await (await connect({ migrations })).open();
  await (await connect({ migrations })).open();

  const client = plain();
  expect(ran).toEqual([2, 3]);
  expect(await client.hget('{mesh}:meta', 'version')).toBe('3');
  expect(await client.hget('{mesh}:copy-before-2:doc:test', 'k0')).toBe('0');
  expect(await client.hget('{mesh}:copy-before-3:doc:test', 'k0')).toBe('"version 2"');
  expect(await client.exists('{mesh}:migration-lock')).toBe(0);
});

test('a migration that another main node is doing is not begun', async () => {
  await reign();
  const client = plain();
  await client.set('{mesh}:migration-lock', 'another');
  const migrations = { target: 2, steps: [{ to: 2, migrate: async () => {} }] };

  expect(await codeOf((await connect({ migrations })).open())).toBe('MESH_BUSY');
  expect(await client.hget('{mesh}:meta', 'version')).toBe('1');
});

test('a store whose memory is full refuses changes as a whole and still answers reads', async () => {
  const { store, write, commit } = await reign();
  await write(0);
  await plain().config('SET', 'maxmemory', '1');

  const refused = commit({
    changeId: 'big',
    set: [{ collection: 'test', key: 'big', value: 'x'.repeat(1000) }],
    events: [{ n: 9 }],
  });

  expect(await codeOf(refused)).toBe('MESH_STORE_FULL');
  expect(await store.load(['test'])).toMatchObject({ revision: 1 });
  expect((await store.readLastEvents(1))[0]?.body).toEqual({ n: 0 });
});

test.each([
  ['no-aof', ['appendonly', 'no']],
  ['aof-not-always', ['appendfsync', 'everysec']],
  ['eviction', ['maxmemory-policy', 'allkeys-lru']],
] as const)('the loss %s is named', async (name, [key, value]) => {
  const store = await connect();
  expect(await store.losses()).toEqual([]);

  await plain().config('SET', key, value);

  expect((await store.losses()).map((loss) => loss.name)).toEqual([name]);
});

test('a Redis that hides its settings is not called durable', async () => {
  const client = plain();
  await client.call('ACL', 'SETUSER', 'default', '-config');
  const store = await connect();

  expect((await store.losses()).map((loss) => loss.name)).toEqual(['settings-hidden']);
});

test('a change is refused with the reason that the disk guard gives', async () => {
  const refusals: MeshError[] = [];
  const { write } = await reign({ refusal: () => refusals[0] });
  await write(0);

  refusals.push(new MeshError('MESH_STORE_DISK_FULL', 'no space'));

  expect(await codeOf(write(1))).toBe('MESH_STORE_DISK_FULL');
});

test('starting gives up when its signal aborts, and names why', async () => {
  const store = createRedisStore(
    { target: { path: join(dataDir, 'none.sock') }, dataDir, eventsKept: 10 },
    deps,
  );
  const patience = new AbortController();
  const started = store.start(patience.signal);

  patience.abort();

  await expect(started).rejects.toMatchObject({ code: 'MESH_STORE_UNAVAILABLE' });
});
