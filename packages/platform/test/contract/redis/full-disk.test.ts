import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@meshwork/shared';
import { itNeeds, until } from '@meshwork/testkit';
import { afterEach, beforeEach, expect } from 'vitest';
import { createMetrics } from '../../../src/base/metrics.ts';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import { createEmbeddedRedis, type EmbeddedRedis } from '../../../src/redis/embedded-redis.ts';
import { locateRedis } from '../../../src/redis/locate-redis.ts';
import { createProcessRuntime } from '../../../src/runtime/create-process-runtime.ts';
import { createRedisStore } from '../../../src/store/redis-store.ts';

const MiB = 1024 * 1024;
const never = new AbortController().signal;
const clock = createSystemClock();
const random = createSystemRandom();

let mountPoint: string;
let said: string[];
const endings: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  mountPoint = mkdtempSync(join(tmpdir(), 'mesh-disk-'));
  said = [];
});
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
  rmSync(mountPoint, { recursive: true });
});

const listener: Logger = {
  debug() {},
  info() {},
  warn() {},
  error: (_, message) => void said.push(message),
  child: () => listener,
};

async function startOnSmallDisk(): Promise<EmbeddedRedis> {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mountPoint]);
  endings.push(async () => execFileSync('umount', ['--lazy', mountPoint]));
  const dir = join(mountPoint, 'redis');
  mkdirSync(dir);
  const deps = { clock, random, logger: listener };
  const redis = createEmbeddedRedis(
    {
      dir,
      runtimeDir: mountPoint,
      maxMemoryBytes: 32 * MiB,
      minFreeBytes: 16 * MiB,
      ballastBytes: 8 * MiB,
      locate: (signal) => locateRedis({ env: process.env, onProgress: () => {}, signal }),
    },
    // Where runs are recorded may be another disk; here it must be, since shells write there.
    {
      ...deps,
      metrics: createMetrics({ processMetrics: false }),
      runtime: createProcessRuntime({ dir: mkdtempSync(join(tmpdir(), 'mesh-runs-')) }, deps),
    },
  );
  await redis.start(never);
  endings.push(() => redis.end(never));
  return redis;
}

/** Writes until not one byte more goes in. */
function fillDisk(): void {
  for (const size of [MiB, 4096, 1]) {
    try {
      for (;;) appendFileSync(join(mountPoint, 'filler'), Buffer.alloc(size));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  }
}

itNeeds(
  ['mount'],
  'on a full disk changes are refused, Redis is not restarted into it, and nothing acknowledged is lost',
  async () => {
    const redis = await startOnSmallDisk();
    const ballast = join(mountPoint, 'redis', 'ballast');
    const store = createRedisStore(
      {
        target: { path: redis.socketPath },
        dataDir: mountPoint,
        eventsKept: 10,
        refusal: redis.refusal,
      },
      { clock, random, logger: listener },
    );
    await store.start(never);
    endings.push(() => store.stop(never));
    await store.open();
    const { term } = await store.claimTerm({ atLeast: 0, owner: 'a' });
    const commit = (changeId: string) =>
      store.commit({ term, changeId, set: [{ collection: 'test', key: changeId, value: 1 }] });
    await commit('kept');
    const { pid } = redis;

    expect(existsSync(ballast)).toBe(true);
    fillDisk();
    await until('the ballast was freed', () => !existsSync(ballast));
    await expect(commit('refused')).rejects.toMatchObject({ code: 'MESH_STORE_DISK_FULL' });
    expect(redis.pid).toBe(pid);

    fillDisk();
    process.kill(pid ?? 0, 'SIGKILL');
    await until(
      'starting was given up twice',
      () => said.filter((message) => message === 'redis could not be started again').length >= 2,
      { withinMs: 10_000 },
    );
    expect(redis.pid).toBeUndefined();

    rmSync(join(mountPoint, 'filler'));
    await until('redis runs again', () => redis.pid !== undefined && store.state === 'up', {
      withinMs: 15_000,
    });
    await until('changes are taken again', () => redis.refusal() === undefined);
    await commit('after');

    expect(
      [...((await store.load(['test'])).documents.get('test')?.keys() ?? [])].toSorted(),
    ).toEqual(['after', 'kept']);
    await until('there is ballast again', () => existsSync(ballast));
  },
);
