import { open, stat } from 'node:fs/promises';
import type { LogCursor } from '@meshwork/shared';
import { listSegments, readDropped, toSegmentPath, type DroppedOutput } from './segments.ts';
import { splitLines, type LogLine, type LogPart } from './split-lines.ts';

/** Where to read, and how much. Without a cursor or `tailLines`: from the oldest line that is left. */
export interface ReadLogOptions {
  /** Reads on from here, as an earlier answer said. */
  readonly cursor?: LogCursor;
  /** The last lines instead; goes back at most `maxBytes`. */
  readonly tailLines?: number;
  /** Most bytes of output to read. Default 256 KiB, at least 64 KiB are read where they are there. */
  readonly maxBytes?: number;
  /** Whether to give a last line that is not ended yet. Default: no, it comes whole in a later answer. */
  readonly isFinal?: boolean;
}

/** Some lines of a run's output, in order. */
export interface LogPage {
  readonly lines: readonly LogLine[];
  /** Where to read on. */
  readonly cursor: LogCursor;
  /** Whether this was all that is there now; an unended line may still be kept back. */
  readonly atEnd: boolean;
  /** Segments between the asked cursor and the first line that had been deleted to keep the bound. */
  readonly droppedSegments: number;
  /** What could not be written, in all, since the directory was made. */
  readonly dropped: DroppedOutput;
}

/** Lines longer than this are given in pieces, so a page always gets somewhere. */
const MAX_PIECE_BYTES = 64 * 1024;
const DEFAULT_PAGE_BYTES = 256 * 1024;

/** Reads output from a directory that a pump writes, or wrote, to. A missing directory is empty. */
export async function readLog(dir: string, options: ReadLogOptions = {}): Promise<LogPage> {
  const maxBytes = Math.max(options.maxBytes ?? DEFAULT_PAGE_BYTES, MAX_PIECE_BYTES);
  // Listed before reading: a segment is complete once the next one exists.
  const segments = await listSegments(dir);
  const dropped = readDropped(dir) ?? { lines: 0, bytes: 0, uncounted: 0 };
  if (options.tailLines !== undefined) {
    const page = await readTail(
      dir,
      segments,
      options.tailLines,
      maxBytes,
      options.isFinal ?? false,
    );
    return { ...page, droppedSegments: 0, dropped };
  }
  const first = segments[0] ?? options.cursor?.segment ?? 0;
  const asked = options.cursor ?? { segment: first, offset: 0 };
  const isDeleted = segments.length > 0 && asked.segment < first;
  const from = isDeleted ? { segment: first, offset: 0 } : asked;
  const chunks = await readChunks(dir, segments, from, maxBytes);
  const page = splitLines(chunks.parts, {
    from,
    maxPieceBytes: MAX_PIECE_BYTES,
    isFinal: (options.isFinal ?? false) && chunks.atEnd,
  });
  return {
    ...page,
    atEnd: chunks.atEnd,
    droppedSegments: isDeleted ? first - asked.segment : 0,
    dropped,
  };
}

interface Chunks {
  readonly parts: readonly LogPart[];
  /** Whether everything that was there has been read. */
  readonly atEnd: boolean;
}

async function readChunks(
  dir: string,
  segments: readonly number[],
  from: LogCursor,
  maxBytes: number,
): Promise<Chunks> {
  const parts: LogPart[] = [];
  let leftBytes = maxBytes;
  for (const segment of segments) {
    if (segment < from.segment) continue;
    const offset = segment === from.segment ? from.offset : 0;
    const bytes = await readBytes(toSegmentPath(dir, segment), offset, leftBytes);
    parts.push({ segment, offset, bytes });
    leftBytes -= bytes.length;
    if (leftBytes === 0) return { parts, atEnd: false };
  }
  return { parts, atEnd: true };
}

async function readTail(
  dir: string,
  segments: readonly number[],
  tailLines: number,
  maxBytes: number,
  isFinal: boolean,
): Promise<Pick<LogPage, 'lines' | 'cursor' | 'atEnd'>> {
  const parts: LogPart[] = [];
  let leftBytes = maxBytes;
  for (const segment of segments.toReversed()) {
    const path = toSegmentPath(dir, segment);
    const offset = Math.max(0, (await sizeOf(path)) - leftBytes);
    const bytes = await readBytes(path, offset, leftBytes);
    parts.unshift({ segment, offset, bytes });
    leftBytes -= bytes.length;
    if (leftBytes <= 0) break;
  }
  const from = { segment: parts[0]?.segment ?? 0, offset: parts[0]?.offset ?? 0 };
  const page = splitLines(parts, { from, maxPieceBytes: MAX_PIECE_BYTES, isFinal });
  const startsInside = leftBytes <= 0 && page.lines.length > 1;
  const whole = startsInside ? page.lines.slice(1) : page.lines;
  return {
    lines: tailLines === 0 ? [] : whole.slice(-tailLines),
    cursor: page.cursor,
    atEnd: true,
  };
}

/** Bytes of one segment; none when it was deleted since it was listed. */
async function readBytes(path: string, offset: number, maxBytes: number): Promise<Buffer> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    const length = Math.max(0, Math.min(size - offset, maxBytes));
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
