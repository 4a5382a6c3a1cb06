import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { MeshError } from '@meshwork/shared';
import { ReplyLost, storeAway, type RedisConnection } from './redis-connection.ts';

/** A Lua script and the digest by which Redis knows it. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** Keeps a script with its digest. */
export function defineScript(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/** Runs a script by its digest, with its text where Redis does not know it (any more). Rejects as `connection.run` does. */
export async function runScript(
  connection: RedisConnection,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[] = [],
): Promise<readonly unknown[]> {
  const call = async (redis: Redis): Promise<unknown> => {
    try {
      return await redis.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!String((error as Error).message).startsWith('NOSCRIPT')) throw error;
      return redis.eval(script.lua, keys.length, ...keys, ...args);
    }
  };
  const answer = await connection.run(call);
  if (!Array.isArray(answer)) throw new TypeError('a store script must answer a list');
  return answer as unknown[];
}

/** Gives what a read rejected with a code: what was lost on the way can simply be asked again. */
export function toStoreError(error: unknown): unknown {
  if (error instanceof ReplyLost) return storeAway(error.message);
  if (!(error instanceof Error) || error instanceof MeshError) return error;
  if (error.message.startsWith('OOM')) {
    return new MeshError(
      'MESH_STORE_FULL',
      'the store refused the change: it reached its memory bound',
      { cause: error },
    );
  }
  if (/^(LOADING|MISCONF|READONLY|MASTERDOWN|CLUSTERDOWN|BUSY)\b/.test(error.message)) {
    return storeAway(error.message);
  }
  return error;
}
