import { MeshError, linkLimits, type Clock } from '@meshwork/shared';
import { answerTooLarge, expired, notReady, unanswered, type Called } from './call-failure.ts';
import { parseAnswer } from './parse-answer.ts';
import { createZmqPool, type ZmqPool } from './zmq-pool.ts';

/** One call of a program that answers ZeroMQ REQ. */
export interface ZmqCall extends Called {
  readonly port: number;
  readonly timeoutMs: number;
}

/** Calls of all instances that answer ZeroMQ REQ, and their connections. */
export interface ZmqCalls {
  /**
   * Sends `{action, ...args}` and gives back what was answered: JSON where it is JSON, else the text; several frames as a list.
   *
   * Rejects with MESH_AGENT_NOT_READY, MESH_EXPIRED, MESH_INPUT_INVALID, MESH_TOO_LARGE or MESH_OUTCOME_UNKNOWN.
   */
  call(call: ZmqCall, args: Readonly<Record<string, unknown>>): Promise<unknown>;
  start(): void;
  /** Gives up what is under way. */
  stop(): Promise<void>;
}

/** A connection unused for this long is closed. */
const IDLE_MS = 30_000;

/** Makes the REQ calls of one node. Connections are kept per instance while they are used. */
export function createZmqCalls(clock: Clock): ZmqCalls {
  const stopping = new AbortController();
  const pools = new Map<string, ZmqPool>();
  let sweeping: Promise<void> = Promise.resolve();

  function poolOf(instance: string, port: number): ZmqPool {
    const pool = pools.get(instance);
    if (pool?.port === port) return pool;
    // A moved port is another process: what waits for the old one fails there.
    pool?.close();
    const fresh = createZmqPool({ port });
    pools.set(instance, fresh);
    return fresh;
  }

  async function sweep(): Promise<void> {
    for await (const _ of clock.ticks(IDLE_MS, stopping.signal)) {
      for (const [instance, pool] of pools) {
        if (pool.closeIdle(performance.now() - IDLE_MS)) pools.delete(instance);
      }
    }
  }

  return {
    async call(call, args) {
      if (Object.hasOwn(args, 'action'))
        throw new MeshError(
          'MESH_INPUT_INVALID',
          `call ${call.instance} ${call.action}: an argument cannot be called "action", the message has that field already`,
          { details: { problems: [{ path: ['args', 'action'], reason: 'reserved' }] } },
        );
      const text = JSON.stringify({ action: call.action, ...args });
      const { timeoutMs } = call;
      const exchange = await poolOf(call.instance, call.port).exchange(text, { timeoutMs });
      switch (exchange.status) {
        case 'answered':
          return toResult(call, exchange.frames);
        case 'refused':
          throw notReady(call, exchange.reason);
        case 'expired':
          throw expired(call, timeoutMs);
        case 'unknown':
          throw unanswered(call, timeoutMs);
        default:
          return exchange satisfies never;
      }
    },
    start() {
      sweeping = sweep();
    },
    async stop() {
      stopping.abort();
      for (const pool of pools.values()) pool.close();
      pools.clear();
      await sweeping;
    },
  };
}

function toResult(call: ZmqCall, frames: readonly Buffer[]): unknown {
  const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
  if (bytes > linkLimits.answerBytes) throw answerTooLarge(call);
  const values = frames.map((frame) => parseAnswer(frame.toString('utf8')));
  return values.length === 1 ? values[0] : values;
}
