/*
 * Entry of the heartbeat thread. It lives beside the daemon's event loop and needs nothing of it: its own connection, its own
 * timer, and a board in shared memory that shows when that loop last turned.
 */
import { appendFileSync, writeSync } from 'node:fs';
import { freemem, loadavg, totalmem } from 'node:os';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import {
  createSystemClock,
  createSystemRandom,
  createUplink,
  createWireMetrics,
  createZmqTransport,
} from '@meshwork/platform/uplink';
import { NodeHeartbeat, type LogFields, type Logger, type Metrics } from '@meshwork/shared';
import { trimHeap } from '../machine/trim-heap.ts';
import { openLoopBoard, threadClockMs } from './loop-board.ts';
import { createHeartbeats } from './create-heartbeats.ts';
import type {
  FromHeartbeatThread,
  HeartbeatThreadData,
  ToHeartbeatThread,
} from './thread-messages.ts';

if (parentPort !== null) await run(parentPort, workerData as HeartbeatThreadData);

async function run(port: MessagePort, data: HeartbeatThreadData): Promise<void> {
  const { connection } = data;
  const stopping = new AbortController();
  const board = openLoopBoard(data.board);
  const clock = createSystemClock();
  const logger = createPostedLogger(port, {});
  let { content } = data;

  const uplink = createUplink(
    {
      transport: createZmqTransport(),
      clock,
      random: createSystemRandom(),
      logger,
      metrics: createWireMetrics(createUncounted()),
      events: {
        onWelcome: () => heartbeats.beat(),
        onRefused: (error) => logger.warn({ ...error }, 'the heartbeat connection was refused'),
        onLost: () => logger.warn({}, 'the heartbeat connection was lost'),
      },
    },
    {
      ...connection,
      role: 'heartbeat',
      incarnation: content.incarnation,
      about: () => connection.about,
    },
  );

  const heartbeats = createHeartbeats(
    {
      clock,
      board,
      nowMs: threadClockMs,
      startedAtMs: data.startedAtMs,
      send: (heartbeat) => uplink.sendLatest(NodeHeartbeat, heartbeat),
      readMachine: () => ({
        load1: loadavg()[0] ?? 0,
        memoryUsedRatio: 1 - freemem() / totalmem(),
      }),
      content: () => content,
      onStuck: (silentMs) => endProcess(silentMs, data),
    },
    data,
  );

  port.on('message', (message: ToHeartbeatThread) => {
    switch (message.type) {
      case 'content': {
        const isRenewed = message.content.incarnation !== content.incarnation;
        ({ content } = message);
        if (isRenewed) uplink.renew(content.incarnation);
        return;
      }
      case 'addresses':
        return uplink.setAddresses(message.addresses);
      case 'stop':
        return stopping.abort();
      default:
        return message satisfies never;
    }
  });

  await uplink.start(stopping.signal);
  trimHeap();
  await heartbeats.run(stopping.signal);
  await uplink.stop(AbortSignal.abort());
  port.close();
}

/** The loop that would log this, and drain, is the one that is stuck; agents live on and are adopted by the next daemon. */
function endProcess(silentMs: number, data: HeartbeatThreadData): void {
  const line = `${JSON.stringify({
    level: 'error',
    time: new Date().toISOString(),
    node: data.connection.node,
    silentMs: Math.round(silentMs),
    msg: 'the event loop is stuck: this daemon ends itself',
  })}\n`;
  try {
    if (data.lastWordsPath === undefined) writeSync(2, line);
    else appendFileSync(data.lastWordsPath, line);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}

function tell(port: MessagePort, message: FromHeartbeatThread): void {
  port.postMessage(message);
}

function createPostedLogger(port: MessagePort, always: LogFields): Logger {
  const post =
    (level: 'debug' | 'info' | 'warn' | 'error') => (fields: LogFields, message: string) => {
      tell(port, { type: 'log', level, fields: toPlain({ ...always, ...fields }), message });
    };
  return {
    // A line per message would pile up before a loop that does not read them.
    debug() {},
    info: post('info'),
    warn: post('warn'),
    error: post('error'),
    child: (fields) => createPostedLogger(port, { ...always, ...fields }),
  };
}

/** Errors and functions do not pass between threads as they are. */
function toPlain(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? { name: value.name, message: value.message } : value,
    ]),
  );
}

/** Nobody scrapes this thread; what it sends is counted on the board. */
function createUncounted(): Metrics {
  return {
    counter: () => ({ inc() {} }),
    gauge: () => ({ set() {}, remove() {} }),
    histogram: () => ({ observe() {} }),
  };
}
