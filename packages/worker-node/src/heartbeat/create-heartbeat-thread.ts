import { Worker } from 'node:worker_threads';
import type { Clock, Logger, Metrics } from '@meshwork/shared';
import type { HeartbeatContent, HeartbeatThread } from '../services/ports.ts';
import { createHeartbeatMetrics } from './metrics.ts';
import { openLoopBoard, threadClockMs } from './loop-board.ts';
import type {
  FromHeartbeatThread,
  HeartbeatConnection,
  HeartbeatThreadData,
  ToHeartbeatThread,
} from './thread-messages.ts';

/** What the daemon's side of the heartbeat thread needs. */
export interface HeartbeatThreadDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** How heartbeats are sent. */
export interface HeartbeatThreadOptions {
  /** Entry file of the thread: `heartbeat-worker.ts`. */
  readonly entry: URL;
  readonly connection: HeartbeatConnection;
  readonly content: HeartbeatContent;
  /** Gap between two heartbeats. Default 500. */
  readonly everyMs?: number;
  /** A daemon whose loop is silent for longer is ended. Default 60,000. */
  readonly endAfterMs?: number;
  /** File for the last line of a daemon that is ended; default: the error output. */
  readonly lastWordsPath?: string;
}

/** The heartbeat thread of one daemon. */
export interface OwnedHeartbeatThread extends HeartbeatThread {
  /** Replaces the addresses that the heartbeat connection tries in turn. */
  setAddresses(addresses: readonly string[]): void;
}

/** How often the daemon's loop shows that it turns. */
const STAMP_EVERY_MS = 100;
/** Pause before a thread that ended unasked is started again. */
const RESTART_AFTER_MS = 1000;

/**
 * Starts the thread, stamps the board from the daemon's loop, and starts the thread again should it ever end by itself.
 *
 * `start` resolves at once: loading the thread takes most of a second, in which the daemon can do its own starting.
 */
export function createHeartbeatThread(
  deps: HeartbeatThreadDeps,
  options: HeartbeatThreadOptions,
): OwnedHeartbeatThread {
  const { clock, logger } = deps;
  const board = openLoopBoard();
  const metrics = createHeartbeatMetrics(deps.metrics);
  const stopping = new AbortController();
  let { content } = options;
  let { addresses } = options.connection;
  let worker: Worker | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let startedAtMs = 0;

  function post(message: ToHeartbeatThread): void {
    worker?.postMessage(message);
  }

  function spawn(): Worker {
    const { connection, everyMs = 500, endAfterMs = 60_000, lastWordsPath } = options;
    const data: HeartbeatThreadData = {
      connection: { ...connection, addresses },
      content,
      board: board.buffer,
      startedAtMs,
      everyMs,
      endAfterMs,
      lastWordsPath,
    };
    const spawned = new Worker(options.entry, {
      workerData: data,
      execArgv: [],
      name: 'heartbeat',
    });
    spawned.on('message', (message: FromHeartbeatThread) => {
      logger[message.level](message.fields, message.message);
    });
    // Its end is handled as an end, whatever the reason.
    spawned.on('error', (error) => logger.error({ err: error }, 'the heartbeat thread failed'));
    return spawned;
  }

  async function keepAlive(first: Worker): Promise<void> {
    worker = first;
    while (!stopping.signal.aborted) {
      await exitOf(worker);
      if (stopping.signal.aborted) return;
      logger.error({}, 'the heartbeat thread ended by itself and is started again');
      await clock.sleep(RESTART_AFTER_MS, stopping.signal).catch(() => {});
      if (!stopping.signal.aborted) worker = spawn();
    }
  }

  async function stamp(): Promise<void> {
    let dueMs = threadClockMs() + STAMP_EVERY_MS;
    let counted = 0;
    for await (const _ of clock.ticks(STAMP_EVERY_MS, stopping.signal)) {
      const nowMs = threadClockMs();
      board.stamp(Math.max(0, nowMs - dueMs));
      dueMs = nowMs + STAMP_EVERY_MS;
      const total = board.sent;
      metrics.sent.inc({}, total - counted);
      counted = total;
    }
  }

  return {
    name: 'heartbeats',
    async start() {
      startedAtMs = threadClockMs();
      board.stamp(0);
      running = Promise.all([keepAlive(spawn()), stamp()]);
    },
    async stop(signal) {
      if (stopping.signal.aborted) return void (await running);
      stopping.abort();
      post({ type: 'stop' });
      const end = (): void => void worker?.terminate();
      if (signal.aborted) end();
      signal.addEventListener('abort', end, { once: true });
      await running;
      signal.removeEventListener('abort', end);
      worker = undefined;
    },
    update(next) {
      content = next;
      post({ type: 'content', content });
    },
    setAddresses(next) {
      addresses = next;
      post({ type: 'addresses', addresses });
    },
  };
}

function exitOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => worker.once('exit', () => resolve()));
}
