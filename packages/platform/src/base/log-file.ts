import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** Where a bounded log goes and how much of it is kept. */
export interface LogFileOptions {
  readonly path: string;
  /** A file that reaches this is renamed to `PATH.1` and a new one begun. Default 16 MiB. */
  readonly maxBytes?: number;
  /** How many older files stay, `PATH.1` the newest. Default 2. */
  readonly keep?: number;
}

/** A log file with a bound. Lines are written before `write` returns, so a crash loses none. */
export interface LogFile {
  /** Appends one line. A line that cannot be written (disk full) is counted, not thrown. */
  write(line: string): void;
  /** Lines lost since the last successful write. */
  dropped(): number;
  close(): void;
}

/**
 * Opens (or goes on with) a log file, mode 0600.
 *
 * Only its one owner may write to it: that is what makes the rename safe, unlike rotation from outside.
 */
export function openLogFile(options: LogFileOptions): LogFile {
  const { path, maxBytes = 16 * 1024 * 1024, keep = 2 } = options;
  let fd = openSync(path, 'a', 0o600);
  let size = fstatSync(fd).size;
  let droppedLines = 0;

  function rotate(): void {
    for (let n = keep; n > 0; n -= 1) {
      const from = n === 1 ? path : `${path}.${n - 1}`;
      try {
        renameSync(from, `${path}.${n}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    const next = openSync(path, keep > 0 ? 'a' : 'w', 0o600);
    closeSync(fd);
    fd = next;
    size = 0;
  }

  return {
    write(line) {
      try {
        const bytes = Buffer.from(line);
        if (size > 0 && size + bytes.length > maxBytes) rotate();
        size += bytes.length;
        for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
        droppedLines = 0;
      } catch {
        droppedLines += 1;
      }
    },
    dropped: () => droppedLines,
    close: () => closeSync(fd),
  };
}
