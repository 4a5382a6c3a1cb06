import assert from 'node:assert/strict';
import { join } from 'node:path';
import { MeshError, type Component, type MeshStore, type StoreIdentity } from '@meshwork/shared';
import { commitChange, termLost, wentBack } from './commit-change.ts';
import { findLosses } from './durability.ts';
import { MIGRATIONS, STORE_VERSION, migrateStore, type Migration } from './migrations.ts';
import {
  createRedisConnection,
  type RedisConnectionDeps,
  type RedisTarget,
} from './redis-connection.ts';
import { defineScript, runScript, toStoreError, type Script } from './run-script.ts';
import { CLAIM_TERM, LOAD, OPEN, RENEW_TERM } from './scripts.ts';
import { createStoreEvents } from './store-events.ts';
import { STORE_KEYS, STORE_PREFIX, collectionKey } from './store-keys.ts';
import { createStoreWitness } from './store-witness.ts';

/** Which Redis, and what is remembered of it. */
export interface RedisStoreOptions {
  readonly target: RedisTarget;
  /** Data folder of the main node: remembers which database it was and how far. */
  readonly dataDir: string;
  /** Events kept in the stream; some more stay for a while. */
  readonly eventsKept: number;
  /** Why no change may be made now, e.g. by the state of the disk; asked before each. */
  readonly refusal?: () => MeshError | undefined;
  /** For tests of the machinery. Default: those of this release. */
  readonly migrations?: { readonly target: number; readonly steps: readonly Migration[] };
}

const FORMAT = 'mesh-store';
const scripts = {
  open: defineScript(OPEN),
  claimTerm: defineScript(CLAIM_TERM),
  renewTerm: defineScript(RENEW_TERM),
  load: defineScript(LOAD),
};

/** The durable state of a mesh in Redis. `start` connects; `open` comes first after it. */
export function createRedisStore(
  options: RedisStoreOptions,
  deps: RedisConnectionDeps,
): MeshStore & Component {
  const { target, eventsKept } = options;
  const { target: version, steps } = options.migrations ?? {
    target: STORE_VERSION,
    steps: MIGRATIONS,
  };
  const connection = createRedisConnection({ target, name: 'mesh-main-node' }, deps);
  const events = createStoreEvents(target, connection, deps);
  const witness = createStoreWitness(join(options.dataDir, 'store-witness.json'));
  const mintedId = Buffer.from(deps.random.bytes(16)).toString('hex');
  let known: Pick<StoreIdentity, 'databaseId' | 'revision' | 'term'> | undefined;

  function opened(): NonNullable<typeof known> {
    assert(known !== undefined, 'the store is opened before it is used');
    return known;
  }

  /** Runs a read, or a script that may be repeated without a second effect. */
  async function ask(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<readonly unknown[]> {
    try {
      return await runScript(connection, script, keys, args);
    } catch (error) {
      throw toStoreError(error);
    }
  }

  async function open(): Promise<StoreIdentity> {
    const keys = [STORE_KEYS.meta, STORE_KEYS.events, STORE_KEYS.collections];
    const [word, ...found] = (await ask(scripts.open, keys, [FORMAT, version, mintedId])).map(
      String,
    );
    if (word === 'headless') {
      throw new MeshError(
        'MESH_STORE_FORMAT',
        `the store holds documents of a mesh but not what they are (${STORE_KEYS.meta} is gone); restore a copy, or empty it`,
      );
    }
    if (word !== 'ok') {
      throw new MeshError(
        'MESH_STORE_FORMAT',
        `the store holds "${found[0]}" where "${FORMAT}" was expected; give this mesh a Redis of its own`,
      );
    }
    const [isNew, databaseId = '', revision, term, foundVersion] = found;
    await bringToVersion(Number(foundVersion));
    known = { databaseId, revision: Number(revision), term: Number(term) };
    return { ...known, isNew: isNew === '1', history: await witness.compare(known) };
  }

  async function bringToVersion(found: number): Promise<void> {
    if (found > version) {
      throw new MeshError(
        'MESH_FORMAT_NEWER',
        `the store was written by a newer release (version ${found}, this one reads up to ${version}); start the newer release`,
        {
          details: { version: found, readable: version },
        },
      );
    }
    const plan = {
      metaKey: STORE_KEYS.meta,
      lockKey: STORE_KEYS.migrationLock,
      prefix: STORE_PREFIX,
    };
    await connection
      .run((redis) =>
        migrateStore(redis, found, {
          ...plan,
          migrations: steps,
          target: version,
          owner: mintedId,
        }),
      )
      .catch((error: unknown) => {
        throw toStoreError(error);
      });
  }

  /** Remembers how far the store is. Resolves when that is on disk; few wait for it. */
  async function saw(seen: { readonly revision?: number; readonly term?: number }): Promise<void> {
    const before = opened();
    known = {
      databaseId: before.databaseId,
      revision: Math.max(before.revision, seen.revision ?? 0),
      term: Math.max(before.term, seen.term ?? 0),
    };
    if (known.revision === before.revision && known.term === before.term) return;
    await witness.note(known).catch((error: unknown) => {
      deps.logger.warn({ err: error }, 'store witness was not written');
    });
  }

  return {
    name: 'store',
    get state() {
      return connection.state;
    },
    onStateChange: connection.onStateChange,
    async start(signal) {
      await connection.start(signal);
      try {
        await events.start(signal);
      } catch (error) {
        await connection.stop(signal);
        throw error;
      }
    },
    async stop(signal) {
      await events.stop(signal);
      await connection.stop(signal);
    },
    open,
    async losses() {
      try {
        return await connection.run(findLosses);
      } catch (error) {
        throw toStoreError(error);
      }
    },
    async claimTerm({ atLeast, owner }) {
      const [word, term, previous, renewedAgoMs] = (
        await ask(scripts.claimTerm, [STORE_KEYS.meta], [owner, atLeast])
      ).map(String);
      if (word !== 'ok') throw wentBack('it was emptied after it was opened');
      await saw({ term: Number(term) });
      return {
        term: Number(term),
        ...(previous !== undefined && {
          previous: { owner: previous, renewedAgoMs: Number(renewedAgoMs) },
        }),
      };
    },
    async renewTerm(term) {
      const [word, current] = (
        await ask(scripts.renewTerm, [STORE_KEYS.meta], [opened().databaseId, term])
      ).map(String);
      if (word === 'ok') return;
      if (word === 'term' && Number(current) > term) throw termLost(term, Number(current));
      throw wentBack(
        word === 'term'
          ? `it is at term ${current}, this main node reigns in term ${term}`
          : 'it is another database, or was emptied',
      );
    },
    async commit(change) {
      const { databaseId, revision: seenRevision } = opened();
      const refusal = options.refusal?.();
      if (refusal !== undefined) throw refusal;
      const revision = await commitChange(change, {
        connection,
        clock: deps.clock,
        databaseId,
        seenRevision,
        eventsKept,
      });
      void saw({ revision, term: change.term });
      if (change.events !== undefined && change.events.length > 0) events.wake();
      return { revision };
    },
    async load(collections) {
      const keys = [STORE_KEYS.meta, ...collections.map(collectionKey)];
      const [word, revision, ...hashes] = await ask(scripts.load, keys, [opened().databaseId]);
      if (word !== 'ok') throw wentBack('it is another database, or was emptied');
      void saw({ revision: Number(revision) });
      return {
        revision: Number(revision),
        documents: new Map(
          collections.map((collection, n) => [collection, toDocuments(hashes[n])]),
        ),
      };
    },
    readEvents: events.readEvents,
    readLastEvents: events.readLastEvents,
    followEvents: events.followEvents,
  };
}

/** HGETALL answers key, value, key, value, ... */
function toDocuments(answer: unknown): ReadonlyMap<string, unknown> {
  const flat = Array.isArray(answer) ? answer.map(String) : [];
  const documents = new Map<string, unknown>();
  for (let n = 0; n < flat.length; n += 2)
    documents.set(flat[n] ?? '', JSON.parse(flat[n + 1] ?? 'null'));
  return documents;
}
