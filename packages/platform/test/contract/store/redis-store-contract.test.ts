import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTRACT_EVENTS_KEPT, describeStore, startRealRedis } from '@meshwork/testkit';
import { createLogger } from '../../../src/base/logger.ts';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import { createRedisStore } from '../../../src/store/redis-store.ts';

const never = new AbortController().signal;
const deps = {
  clock: createSystemClock(),
  random: createSystemRandom(),
  logger: createLogger({ name: 'test', level: 'silent' }),
};

describeStore('Redis', async () => {
  const redis = await startRealRedis();
  const stores: ReturnType<typeof createRedisStore>[] = [];
  const another = async () => {
    const store = createRedisStore(
      {
        target: { path: redis.socketPath },
        dataDir: mkdtempSync(join(tmpdir(), 'mesh-store-')),
        eventsKept: CONTRACT_EVENTS_KEPT,
      },
      deps,
    );
    stores.push(store);
    await store.start(never);
    await store.open();
    return store;
  };
  return {
    store: await another(),
    another,
    async end() {
      for (const store of stores) await store.stop(never);
      await redis.stop();
    },
  };
});
