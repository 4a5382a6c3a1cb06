/*
 * The run file: all that is known of one run, on disk, append-only, removed when the run is forgotten.
 *
 * The daemon writes the first line before it starts the shim; shim, pump and the program's own process each append one
 * line about themselves, and the shim the exit. A line counts once it is terminated. Nothing is synced: after a crash of the
 * machine no run is left that the file could describe, and the boot id says so.
 */
import { constants } from 'node:os';
import { z } from 'zod';
import { parseProcStat, type ProcStat } from './proc.ts';

const Header = z.object({
  format: z.literal('meshwork-run'),
  version: z.literal(1),
  id: z.string(),
  cookie: z.string(),
  bootId: z.string(),
  pidNamespace: z.string(),
  /** Whether the shim's shell says a word when a signal ends its child. */
  isShellOutspoken: z.boolean(),
  tag: z.record(z.string(), z.string()),
  log: z.object({ dir: z.string(), segmentBytes: z.number(), maxSegments: z.number() }),
});
/** The first line, written by the daemon. */
export type RunHeader = z.infer<typeof Header>;

/** How the shim saw the program end. */
export interface RecordedExit {
  readonly code?: number;
  readonly signal?: string;
  readonly evidence: 'shim' | 'shim-either';
}

/** What a run file says. */
export interface RunRecord {
  readonly header: RunHeader;
  readonly shim?: ProcStat;
  readonly pump?: ProcStat;
  readonly main?: ProcStat;
  readonly exit?: RecordedExit;
  /** What the shell said by itself; for error messages. */
  readonly remarks: readonly string[];
}

const BLOCK_BYTES = 4096;
/** What the shim appends takes less than this; kept free in the last block, so that a full disk loses no exit. */
const RESERVED_BYTES = 1024;
/** A shell says nothing by itself when one of these ends its child. */
const SILENT_SIGNALS: readonly string[] = ['SIGINT', 'SIGPIPE'];

/** The first line with its newline, padded so that what is appended to it needs no further block of the disk. */
export function encodeRunHeader(header: Omit<RunHeader, 'format' | 'version'>): string {
  const line = JSON.stringify({ format: 'meshwork-run', version: 1, ...header });
  const used = (Buffer.byteLength(line) + 1) % BLOCK_BYTES;
  const padding = used > BLOCK_BYTES - RESERVED_BYTES ? BLOCK_BYTES - used : 0;
  return `${line}${' '.repeat(padding)}\n`;
}

/** Reads a run file; undefined while (or when) its first line is not complete or not ours. */
export function parseRunFile(text: string): RunRecord | undefined {
  // What follows the last newline is still being written, or torn.
  const lines = text.split('\n').slice(0, -1);
  const header = parseHeader(lines[0]);
  if (header === undefined) return undefined;
  const found = new Map<string, ProcStat>();
  const remarks: string[] = [];
  let status: number | undefined;
  let hasSpoken = false;
  for (const line of lines.slice(1)) {
    const stat = /^(shim|pump|main) (.*)$/.exec(line);
    const parsed = stat === null ? undefined : parseProcStat(stat[2] ?? '');
    const exit = /^exit (\d+)$/.exec(line);
    if (stat?.[1] !== undefined && parsed !== undefined) found.set(stat[1], parsed);
    else if (exit !== null) status = Number(exit[1]);
    else {
      remarks.push(line);
      hasSpoken ||= found.has('main');
    }
  }
  const [shim, pump, main] = [found.get('shim'), found.get('pump'), found.get('main')];
  return {
    header,
    ...(shim === undefined ? {} : { shim }),
    ...(pump === undefined ? {} : { pump }),
    ...(main === undefined ? {} : { main }),
    ...(status === undefined
      ? {}
      : { exit: toExit(status, { hasSpoken, isOutspoken: header.isShellOutspoken }) }),
    remarks,
  };
}

/**
 * Reads a shell's `$?`: above 128 it is a signal or an exit code.
 *
 * dash says a word on its standard error when a signal ended its foreground child, but not for SIGINT and SIGPIPE; bash, in a
 * script like ours, never does. So only where a word was to be expected, silence means an exit code.
 */
function toExit(
  status: number,
  shell: { readonly hasSpoken: boolean; readonly isOutspoken: boolean },
): RecordedExit {
  const signal = toSignalName(status - 128);
  if (signal === undefined) return { code: status, evidence: 'shim' };
  if (shell.hasSpoken) return { signal, evidence: 'shim' };
  const isSilenceTelling = shell.isOutspoken && !SILENT_SIGNALS.includes(signal);
  if (isSilenceTelling) return { code: status, evidence: 'shim' };
  return { code: status, signal, evidence: 'shim-either' };
}

function toSignalName(signal: number): string | undefined {
  if (signal <= 0 || signal > 64) return undefined;
  const named = Object.entries(constants.signals).find(([, value]) => value === signal);
  return named?.[0] ?? `SIG${signal}`;
}

function parseHeader(line: string | undefined): RunHeader | undefined {
  if (line === undefined) return undefined;
  try {
    return Header.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
