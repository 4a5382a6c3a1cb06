/*
 * Invariant: of all processes on this machine at most one holds the lock of a data folder, whatever dies when.
 *
 * The kernel's record lock on `lock` decides, taken through SQLite because Node has no flock: it ends with its process, so
 * there is nothing stale to take over and no race in doing so. `lock.json` only says who holds it. Nothing else in the
 * holder's process may open `lock`: closing any descriptor of it would drop the lock (POSIX).
 */
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MeshError, type Clock } from '@meshwork/shared';
import { z } from 'zod';
import { isSameProcess, readProcessIdentity, type ProcessIdentity } from './process-identity.ts';
import { writeFileDurable } from './write-file-durable.ts';

/** Where one surface of a daemon is reached: a TCP port, or a socket by its path. */
export interface Endpoint {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly path?: string | undefined;
  /** The key that whoever listens there proves to hold, Z85. */
  readonly publicKey?: string | undefined;
}

/** Who holds a data folder, as it says itself. */
export interface LockHolder {
  /** Which daemon, e.g. `main-node`. */
  readonly daemon: string;
  readonly process: ProcessIdentity;
  /** Wall clock. */
  readonly sinceMs: number;
  /** What it offers, by name: `http`, `control`, ... */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
}

/** A held lock. */
export interface DirectoryLock {
  /** Tells where this daemon can be reached; replaces what was told before. */
  publish(endpoints: LockHolder['endpoints']): Promise<void>;
  /** Gives the folder to the next daemon. Idempotent. */
  release(): Promise<void>;
}

const Holder = z.object({
  daemon: z.string(),
  process: z.object({
    pid: z.int(),
    bootId: z.string(),
    startTime: z.string(),
    pidNamespace: z.string(),
  }),
  sinceMs: z.number(),
  endpoints: z.record(
    z.string(),
    z.object({
      host: z.string().optional(),
      port: z.int().optional(),
      path: z.string().optional(),
      publicKey: z.string().optional(),
    }),
  ),
});

/** How long a starter waits for another one, which has the lock, to say who it is. */
const INTRODUCTION_MS = 2_000;
const SQLITE_BUSY = 5;
const LOCK_FILE = 'lock';
const RECORD_FILE = 'lock.json';

/**
 * Takes the lock of a data folder for this process, until `release` or its end.
 *
 * Throws MESH_LOCK_HELD naming the holder's pid and since when. What a dead holder left behind is replaced.
 */
export async function acquireLock(
  dir: string,
  options: { readonly daemon: string; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<DirectoryLock> {
  const { clock, daemon, signal } = options;
  const self = readProcessIdentity();
  if (self === undefined)
    throw new MeshError('MESH_INTERNAL', 'cannot read the identity of this very process');
  const untilMs = clock.monotonic() + INTRODUCTION_MS;
  let held = tryLock(dir, 'write');
  while (held === undefined) {
    const holder = readHolder(dir);
    const isKnown = holder !== undefined && isIntroduced(holder);
    if (isKnown || clock.monotonic() >= untilMs) throw lockHeld(dir, isKnown ? holder : undefined);
    await clock.sleep(20, signal);
    held = tryLock(dir, 'write');
  }
  const lock = held;

  const sinceMs = clock.now();
  let published: Promise<void> = Promise.resolve();
  let released: Promise<void> | undefined;
  const publish = (endpoints: LockHolder['endpoints']): Promise<void> => {
    if (released !== undefined) return released;
    const holder: LockHolder = { daemon, process: self, sinceMs, endpoints };
    published = published
      .catch(() => {})
      .then(() => writeFileDurable(join(dir, RECORD_FILE), `${JSON.stringify(holder)}\n`));
    return published;
  };
  try {
    await publish({});
  } catch (error) {
    lock.close();
    throw error;
  }
  return {
    publish,
    release() {
      // The record goes first: the next holder's must not be the one that is removed.
      released ??= published
        .catch(() => {})
        .then(() => rm(join(dir, RECORD_FILE), { force: true }))
        .finally(() => lock.close());
      return released;
    },
  };
}

/**
 * The living holder of a data folder's lock; undefined when nobody holds it. Takes nothing, starts nothing.
 *
 * Also undefined for the few milliseconds in which a new holder has not said yet who it is.
 */
export function readLock(dir: string): LockHolder | undefined {
  if (!existsSync(join(dir, LOCK_FILE))) return undefined;
  const free = tryLock(dir, 'read');
  free?.close();
  if (free !== undefined) return undefined;
  const holder = readHolder(dir);
  return holder !== undefined && isIntroduced(holder) ? holder : undefined;
}

/** An open database that has the lock, or undefined when another process has it. */
function tryLock(dir: string, kind: 'read' | 'write'): DatabaseSync | undefined {
  const database = new DatabaseSync(join(dir, LOCK_FILE), {
    timeout: 0,
    readOnly: kind === 'read',
  });
  try {
    // Only the lock is used and nothing is ever written; so no journal beside it either.
    database.exec('PRAGMA journal_mode = MEMORY');
    database.exec(kind === 'write' ? 'BEGIN EXCLUSIVE' : 'SELECT 1 FROM sqlite_master');
    return database;
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
}

/** Whether the record is of the present holder, as far as can be seen: in another pid namespace pids mean nothing here. */
function isIntroduced(holder: LockHolder): boolean {
  const self = readProcessIdentity();
  const isElsewhere =
    holder.process.pidNamespace !== self?.pidNamespace && holder.process.bootId === self?.bootId;
  return isElsewhere || isSameProcess(holder.process);
}

function readHolder(dir: string): LockHolder | undefined {
  try {
    return Holder.parse(JSON.parse(readFileSync(join(dir, RECORD_FILE), 'utf8')));
  } catch {
    // Absent, or of a release that wrote it otherwise: the kernel's lock is what counts.
    return undefined;
  }
}

function lockHeld(dir: string, holder: LockHolder | undefined): MeshError {
  if (holder === undefined) {
    return new MeshError(
      'MESH_LOCK_HELD',
      `cannot use ${dir}: another process holds its lock and does not say who it is`,
      {
        details: { dir },
      },
    );
  }
  const { daemon, process, sinceMs } = holder;
  const since = new Date(sinceMs).toISOString();
  return new MeshError(
    'MESH_LOCK_HELD',
    `cannot use ${dir}: a ${daemon} with pid ${process.pid} works in it since ${since}`,
    {
      details: { dir, daemon, pid: process.pid, since },
    },
  );
}
