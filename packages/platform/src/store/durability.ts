import type { Redis } from 'ioredis';
import type { StoreLoss } from '@meshwork/shared';

/**
 * What this Redis can lose of what it acknowledged, by name; empty: nothing, over kill -9 and restart.
 *
 * The names are what `redis.acceptLoss` takes.
 */
export async function findLosses(redis: Redis): Promise<StoreLoss[]> {
  let settings: Map<string, string>;
  try {
    settings = toMap(await redis.config('GET', 'append*', 'maxmemory-policy'));
  } catch (error) {
    const reason = `its settings cannot be read (${(error as Error).message}), so nothing is known`;
    return [{ name: 'settings-hidden', reason }];
  }
  const losses: StoreLoss[] = [];
  const add = (name: string, reason: string): void => void losses.push({ name, reason });

  if (settings.get('appendonly') !== 'yes') {
    add('no-aof', 'appendonly is off: a crash loses everything since the last snapshot');
  } else if (settings.get('appendfsync') !== 'always') {
    add(
      'aof-not-always',
      `appendfsync is ${settings.get('appendfsync')}: a power cut loses the last seconds`,
    );
  }
  if (settings.get('maxmemory-policy') !== 'noeviction') {
    add(
      'eviction',
      `maxmemory-policy is ${settings.get('maxmemory-policy')}: at the memory bound keys are thrown away`,
    );
  }
  const replication = await redis.info('replication');
  if (/^role:slave/m.test(replication))
    add('replica', 'it is a replica: it follows a master and takes no writes of its own');
  // With replicas a failover is possible, and what the master had not sent yet is gone then.
  if (/^connected_slaves:[1-9]/m.test(replication)) {
    add('async-failover', 'it has replicas: a failover loses what they had not received');
  }
  return losses;
}

/** CONFIG GET answers name, value, name, value, ... */
function toMap(answer: unknown): Map<string, string> {
  const flat = Array.isArray(answer) ? answer.map(String) : [];
  return new Map(
    Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n] ?? '', flat[2 * n + 1] ?? '']),
  );
}
