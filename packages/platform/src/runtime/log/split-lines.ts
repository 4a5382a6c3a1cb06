import type { LogCursor } from '@meshwork/shared';

/** One line of output, without its end (`\n` or `\r\n`). */
export interface LogLine {
  /** Bytes that are not UTF-8 read as U+FFFD. */
  readonly text: string;
  /** Where the next line begins: what a reader stores to go on behind this one. */
  readonly next: LogCursor;
  /** Whether this is a piece of a line that was too long, and the next one goes on with it. */
  readonly isCut: boolean;
}

/** A run of bytes out of one segment. */
export interface LogPart {
  readonly segment: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** How to split, and from where the parts were read. */
export interface SplitOptions {
  readonly from: LogCursor;
  readonly maxPieceBytes: number;
  /** Whether nothing follows: then a last line without an end is given too. */
  readonly isFinal: boolean;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Splits consecutive parts into lines. Lines go over the borders of segments; a line over `maxPieceBytes` is cut, never
 * inside a character. Pure; the cursor stands behind the last line that is given.
 */
export function splitLines(
  parts: readonly LogPart[],
  options: SplitOptions,
): { readonly lines: readonly LogLine[]; readonly cursor: LogCursor } {
  const bytes = Buffer.concat(parts.map((part) => part.bytes));
  const lines: LogLine[] = [];
  let position = 0;
  let cursor = options.from;
  const give = (end: number, skip: number, isCut: boolean): void => {
    const next = toCursor(parts, end + skip, options.from);
    lines.push({ text: toText(bytes, position, end, isCut), next, isCut });
    position = end + skip;
    cursor = next;
  };
  for (;;) {
    const newline = bytes.indexOf(NEWLINE, position);
    const end = newline === -1 ? bytes.length : newline;
    if (end - position > options.maxPieceBytes)
      give(toBoundary(bytes, position, position + options.maxPieceBytes), 0, true);
    else if (newline !== -1) give(newline, 1, false);
    else if (end - position === options.maxPieceBytes)
      give(toBoundary(bytes, position, end), 0, true);
    else break;
  }
  if (options.isFinal && position < bytes.length) give(bytes.length, 0, false);
  return { lines, cursor };
}

function toText(bytes: Buffer, start: number, end: number, isCut: boolean): string {
  const trimmed = !isCut && end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
  return bytes.toString('utf8', start, trimmed);
}

/** Moves a cut back in front of a character that it would split; bytes that are no UTF-8 are cut where they are. */
function toBoundary(bytes: Buffer, start: number, end: number): number {
  for (let back = 1; back <= 3 && end - back > start; back += 1) {
    const byte = bytes[end - back] ?? 0;
    if (byte < 0x80) return end;
    if (byte >= 0xc0)
      return byte >= (back === 1 ? 0xc0 : back === 2 ? 0xe0 : 0xf0) ? end - back : end;
  }
  return end;
}

/** The place of a position in the joined parts; at a border, the beginning of the later segment. */
function toCursor(parts: readonly LogPart[], position: number, from: LogCursor): LogCursor {
  let cursor = from;
  let before = 0;
  for (const part of parts) {
    if (position < before) break;
    cursor = { segment: part.segment, offset: part.offset + position - before };
    before += part.bytes.length;
  }
  return cursor;
}
