import type { Redis } from 'ioredis';
import { MeshError } from '@meshwork/shared';

/** One step from a version of the store's format to the next. */
export interface Migration {
  /** The version it makes; the one before is what it reads. */
  readonly to: number;
  /** May be broken off at any command and run again from the start. */
  migrate(redis: Redis): Promise<void>;
}

/** Version of the store's format that this release writes. */
export const STORE_VERSION = 1;

/** Every step there ever was, in order. A release keeps at least the step to its own version. */
export const MIGRATIONS: readonly Migration[] = [];

/** What is copied before a migration, and how long one may take. */
export interface MigrationPlan {
  readonly metaKey: string;
  readonly lockKey: string;
  /** Prefix of all keys that a migration may touch. */
  readonly prefix: string;
  readonly migrations: readonly Migration[];
  readonly target: number;
  /** Unique per process; says who holds the lock. */
  readonly owner: string;
}

/** A main node that died while migrating blocks the next one for this long. */
const LOCK_MS = 60_000;

/**
 * Brings the store to `target`, step by step, each after a copy of all keys (`PREFIXcopy-before-VERSION:...`).
 *
 * One process at a time: throws MESH_BUSY while another one migrates. Throws MESH_STORE_FORMAT when a step is missing.
 */
export async function migrateStore(redis: Redis, from: number, plan: MigrationPlan): Promise<void> {
  if (from === plan.target) return;
  const isMine = await redis.set(plan.lockKey, plan.owner, 'PX', LOCK_MS, 'NX');
  if (isMine === null)
    throw new MeshError(
      'MESH_BUSY',
      'another main node migrates the store now; try again when it is done',
    );
  try {
    for (let version = from + 1; version <= plan.target; version += 1) {
      const step = plan.migrations.find((migration) => migration.to === version);
      if (step === undefined) {
        throw new MeshError(
          'MESH_STORE_FORMAT',
          `cannot bring the store from version ${version - 1} to ${version}: this release has no step for it; start the release between first`,
        );
      }
      await copyAll(redis, plan, `${plan.prefix}copy-before-${version}:`);
      await step.migrate(redis);
      await redis.hset(plan.metaKey, 'version', version);
    }
  } finally {
    // Only our own lock: after 60 s it may be another's.
    if ((await redis.get(plan.lockKey)) === plan.owner) await redis.del(plan.lockKey);
  }
}

async function copyAll(redis: Redis, plan: MigrationPlan, copyPrefix: string): Promise<void> {
  const keys: string[] = [];
  for await (const found of redis.scanStream({
    match: `${plan.prefix.replaceAll(/[{}*?[\]\\]/g, '\\$&')}*`,
    count: 1000,
  })) {
    keys.push(...(found as string[]));
  }
  for (const key of keys) {
    if (key === plan.lockKey || key.startsWith(`${plan.prefix}copy-before-`)) continue;
    await redis.copy(key, copyPrefix + key.slice(plan.prefix.length), 'REPLACE');
  }
}
