import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Clock } from '@meshwork/shared';
import type { SseMessage } from './route.ts';

/** Bounds of one event stream. */
export interface SseLimits {
  /** A comment is sent after this much silence, so that a dead connection is noticed by both sides. */
  readonly keepAliveMs: number;
  /** A client that takes nothing for this long is cut off; it resumes with `Last-Event-ID`. */
  readonly stallMs: number;
}

/**
 * Writes messages until they end, the client goes or `signal` aborts.
 *
 * Asks for the next message only when the last has left for the kernel. Resolves with why it ended.
 */
export async function writeEventStream(
  response: ServerResponse,
  messages: AsyncIterable<SseMessage>,
  options: { readonly clock: Clock; readonly limits: SseLimits; readonly signal: AbortSignal },
): Promise<'ended' | 'stalled'> {
  const { clock, limits, signal } = options;
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // Nothing follows a stream on its connection; kept alive it would only hold up a stop.
    connection: 'close',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  let lastWriteMs = clock.monotonic();

  async function write(text: string): Promise<boolean> {
    lastWriteMs = clock.monotonic();
    if (response.write(text)) return true;
    const patience = new AbortController();
    const stalled = clock.sleep(limits.stallMs, AbortSignal.any([until, patience.signal])).then(
      () => false,
      () => true,
    );
    const drained = once(response, 'drain', { signal: until }).then(
      () => true,
      () => true,
    );
    try {
      return await Promise.race([drained, stalled]);
    } finally {
      patience.abort();
    }
  }

  async function keepAlive(): Promise<void> {
    for await (const nowMs of clock.ticks(limits.keepAliveMs, until)) {
      // Between messages only: a comment never cuts into one, since each message is a single write.
      if (nowMs - lastWriteMs >= limits.keepAliveMs && response.writableLength === 0)
        response.write(': \n\n');
    }
  }

  const keeping = keepAlive();
  try {
    for await (const message of messages) {
      if (until.aborted) break;
      if (!(await write(formatMessage(message)))) return 'stalled';
    }
    return 'ended';
  } finally {
    over.abort();
    await keeping;
  }
}

function formatMessage({ id, event, data }: SseMessage): string {
  const head =
    (id === undefined ? '' : `id: ${id}\n`) + (event === undefined ? '' : `event: ${event}\n`);
  return `${head}data: ${JSON.stringify(data)}\n\n`;
}
