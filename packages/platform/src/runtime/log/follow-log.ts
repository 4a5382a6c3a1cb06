import { watch, type FSWatcher } from 'node:fs';
import type { Clock, LogCursor } from '@meshwork/shared';
import { readLog, type LogPage } from './read-log.ts';

/** How to follow. */
export interface FollowLogOptions {
  /** Where to begin; absent: at the oldest line that is left. */
  readonly cursor?: LogCursor;
  readonly clock: Pick<Clock, 'sleep'>;
  /** Ends the following, without an error. */
  readonly signal: AbortSignal;
}

/** How often it looks without having been told: for file systems that do not tell, and a directory that is not there yet. */
const POLL_MS = 1_000;
/** Lets a burst of writes become one page. */
const GATHER_MS = 20;

/**
 * Yields pages of whole lines as they are written, in order; a page is empty only when something was dropped.
 *
 * A slow consumer slows the following down, never the program: what is deleted meanwhile is counted in `droppedSegments`.
 */
export async function* followLog(dir: string, options: FollowLogOptions): AsyncIterable<LogPage> {
  const { clock, signal } = options;
  let cursor = options.cursor;
  let droppedBytes: number | undefined;
  while (!signal.aborted) {
    // Watched before reading, so that nothing written in between goes unnoticed.
    const change = watchOnce(dir, clock, signal);
    try {
      const page = await readLog(dir, cursor === undefined ? {} : { cursor });
      cursor = page.cursor;
      const hasDropped =
        page.droppedSegments > 0 || page.dropped.bytes !== (droppedBytes ?? page.dropped.bytes);
      droppedBytes = page.dropped.bytes;
      if (page.lines.length > 0 || hasDropped) yield page;
      if (!page.atEnd) continue;
      await change.happened;
      await clock.sleep(GATHER_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    } finally {
      change.close();
    }
  }
}

/** Resolves at the next change in the directory, after {@link POLL_MS}, or when the signal aborts. */
function watchOnce(
  dir: string,
  clock: Pick<Clock, 'sleep'>,
  signal: AbortSignal,
): { readonly happened: Promise<void>; close(): void } {
  const closing = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dir, () => resolve());
    watcher.on('error', () => watcher?.close());
  } catch {
    // Not there yet, or no watches left: the poll finds it.
  }
  signal.addEventListener('abort', () => resolve(), { once: true, signal: closing.signal });
  clock.sleep(POLL_MS, closing.signal).then(resolve, resolve);
  return {
    happened: promise,
    close() {
      closing.abort();
      watcher?.close();
    },
  };
}
