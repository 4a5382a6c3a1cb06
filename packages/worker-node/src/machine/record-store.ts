/*
 * Invariant: of each instance the last whole line counts. A line is one write to an open file, so the death of the daemon
 * leaves it there or not, never in between; a power cut may tear the end, and is a reboot, after which only counts are lost.
 * (A small file per instance, replaced by rename, cost 2 ms a write on ext4: it forces the new bytes to the disk.)
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { InstanceId, type Logger } from '@meshwork/shared';
import { z } from 'zod';
import { InstanceRecord } from '../core/instance-record.ts';
import type { RecordStore } from '../services/instance-table.ts';

const FORMAT = 'mesh-instances';
const VERSION = 1;
/** The file is written anew when it has grown to this, bytes. */
const MAX_BYTES = 1_048_576;

const Header = z.object({ format: z.literal(FORMAT), version: z.int().max(VERSION) });
const Line = z.object({ instance: InstanceId, record: InstanceRecord.optional() });

/** A record store that is open. */
export interface OwnedRecordStore extends RecordStore {
  close(): void;
}

/** Counters of all instances in one file that is appended to. What cannot be read of it is logged and counts as absent. */
export function openRecordStore(path: string, logger: Logger): OwnedRecordStore {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const records = readRecords(path, logger);
  let { fd, bytes } = rewrite(path, records);
  /** A line may be cut off (a full disk): what is appended to it could not be read. */
  let isTorn = false;

  function append(line: z.infer<typeof Line>): void {
    if (isTorn || bytes > MAX_BYTES) {
      const next = rewrite(path, records);
      closeSync(fd);
      ({ fd, bytes } = next);
      isTorn = false;
      return;
    }
    const text = Buffer.from(`${JSON.stringify(line)}\n`);
    isTorn = true;
    const written = writeSync(fd, text);
    if (written < text.length) throw noSpace(path);
    isTorn = false;
    bytes += written;
  }

  return {
    load: () => records,
    save(instance, record) {
      records.set(instance, record);
      append({ instance, record });
    },
    remove(instance) {
      if (records.delete(instance)) append({ instance });
    },
    close: () => closeSync(fd),
  };
}

function readRecords(path: string, logger: Logger): Map<InstanceId, InstanceRecord> {
  const records = new Map<InstanceId, InstanceRecord>();
  const [first, ...rest] = readText(path).split('\n');
  if (first === undefined || first === '') return records;
  if (!Header.safeParse(parseJson(first)).success) {
    logger.error({ path }, 'counters of instances cannot be read and begin anew');
    return records;
  }
  for (const [index, text] of rest.entries()) {
    if (text === '') continue;
    const line = Line.safeParse(parseJson(text));
    if (!line.success) {
      logger.warn({ path, line: index + 2 }, 'counters of an instance cannot be read');
      continue;
    }
    const { instance, record } = line.data;
    if (record === undefined) records.delete(instance);
    else records.set(instance, record);
  }
  return records;
}

/** Replaces the file by what counts of it, and opens it for appending. */
function rewrite(
  path: string,
  records: ReadonlyMap<InstanceId, InstanceRecord>,
): { readonly fd: number; readonly bytes: number } {
  const lines = [
    JSON.stringify({ format: FORMAT, version: VERSION }),
    ...[...records].map(([instance, record]) => JSON.stringify({ instance, record })),
  ];
  const text = `${lines.join('\n')}\n`;
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
  return { fd: openSync(path, 'a'), bytes: Buffer.byteLength(text) };
}

/** What the system says of a line that it took in part. */
function noSpace(path: string): Error {
  const error = new Error(`ENOSPC: no space left on device, write '${path}'`);
  return Object.assign(error, { code: 'ENOSPC' });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
