import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogPolicy } from '@meshwork/shared';

/** What a directory's pumps could not write since it was made. Only grows. */
export interface DroppedOutput {
  readonly lines: number;
  readonly bytes: number;
  /** Failed writes whose bytes (at most 8 KiB each) nobody could count; 0 wherever space can be reserved. */
  readonly uncounted: number;
}

/** Where a new pump goes on in a directory. */
export interface SegmentStart {
  readonly segment: number;
  readonly roomBytes: number;
  /** Whether an earlier pump has reserved space for the whole segment. */
  readonly isReserved: boolean;
  readonly dropped: DroppedOutput;
}

const DROPPED_FILE = 'dropped';
/** Pumps overwrite it in place, which needs no space on a full disk. */
const DROPPED_BYTES = 128;

/** Path of one segment. */
export function toSegmentPath(dir: string, segment: number): string {
  return join(dir, `${segment}.log`);
}

/** Numbers of the segments that are there, ascending; none where the directory is missing. */
export async function listSegments(dir: string): Promise<readonly number[]> {
  try {
    return toNumbers(await readdir(dir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Makes the directory ready for a pump: goes on in the last segment, for another run on a new line, and deletes what is over
 * the bound.
 *
 * Only while no pump writes there.
 */
export function prepareSegments(
  policy: LogPolicy,
  options: { readonly isSameRun: boolean },
): SegmentStart {
  const { dir, segmentBytes, maxSegments } = policy;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const dropped = readDropped(dir);
  if (dropped === undefined)
    writeFileSync(join(dir, DROPPED_FILE), '0 0 0\n'.padEnd(DROPPED_BYTES), { mode: 0o600 });
  const numbers = toNumbers(readdirSync(dir));
  const last = numbers.at(-1) ?? 0;
  const path = toSegmentPath(dir, last);
  if (numbers.length > 0 && !options.isSameRun) endLine(path);
  const room = segmentBytes - (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const segment = room > 0 ? last : last + 1;
  for (const old of numbers) {
    if (old <= segment - maxSegments) rmSync(toSegmentPath(dir, old), { force: true });
  }
  return {
    segment,
    roomBytes: room > 0 ? room : segmentBytes,
    // Output is written only into what was reserved, so where there is some, the rest of the segment is ours.
    isReserved: room > 0 && room < segmentBytes,
    dropped: dropped ?? { lines: 0, bytes: 0, uncounted: 0 },
  };
}

/** What could not be written in this directory so far; undefined when nothing was ever written there. */
export function readDropped(dir: string): DroppedOutput | undefined {
  let text: string;
  try {
    text = readFileSync(join(dir, DROPPED_FILE), 'latin1');
  } catch {
    return undefined;
  }
  const numbers = /^(\d+) (\d+) (\d+)\n/.exec(text);
  if (numbers === null) return undefined;
  return { lines: Number(numbers[1]), bytes: Number(numbers[2]), uncounted: Number(numbers[3]) };
}

/** Ends a line that an earlier run left open, so that the next run's first one stands alone. */
function endLine(path: string): void {
  const fd = openSync(path, 'a+');
  try {
    const { size } = fstatSync(fd);
    const lastByte = Buffer.from('\n');
    if (size > 0) readSync(fd, lastByte, 0, 1, size - 1);
    if (lastByte.toString() !== '\n') writeSync(fd, '\n');
  } finally {
    closeSync(fd);
  }
}

function toNumbers(names: readonly string[]): number[] {
  return names
    .flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}
