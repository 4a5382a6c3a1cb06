import {
  MeshError,
  WireError,
  createRecentIds,
  createRememberedAnswers,
  toMeshError,
  type Clock,
  type Envelope,
  type HandlerTable,
  type Logger,
  type MessageKind,
  type Received,
  type RecentIds,
  type RememberedAnswer,
  type RememberedAnswers,
  type RequestKind,
  type Term,
} from '@meshwork/shared';
import { answerKindOf } from './requests.ts';
import type { WireMetrics } from './wire-metrics.ts';

/** One message as it came from a proven connection. */
export interface Incoming<From> {
  readonly from: From;
  /** Name of the peer: repeats are noticed over its reconnections. */
  readonly peer: string;
  readonly envelope: Envelope;
  readonly term: Term;
  /** How long it was under way beyond the quickest message of its connection. */
  readonly ageMs: number;
  /** Sends the answer, to wherever the peer is bound by then. */
  answer(correlationId: string, answer: RememberedAnswer): void;
}

/** Handlers by kind, and what brings each message to its own. */
export interface Dispatch<From> extends HandlerTable<From> {
  /** Never throws. */
  receive(incoming: Incoming<From>): void;
  /** Forgets the repeats of a peer that left for good. */
  forget(peer: string): void;
}

/** Bounds of what one peer may have us remember or do at once. */
const LIMITS = {
  recentIds: 1_024,
  maxAnswers: 4_096,
  maxAnswerBytes: 8_388_608,
  keepAnswersMs: 60_000,
  maxRunning: 4_096,
} as const;

interface PeerMemory {
  readonly recent: RecentIds;
  readonly answers: RememberedAnswers;
  running: number;
}

type Entry<From> =
  | {
      readonly type: 'message';
      readonly kind: MessageKind;
      handle(from: From, body: unknown, received: Received): void;
    }
  | {
      readonly type: 'request';
      readonly kind: RequestKind;
      handle(from: From, body: unknown, received: Received): unknown;
    };

/**
 * Brings messages to their handlers: known kind, not a repeat, not past its timeout, body fits its schema.
 *
 * A request that fails one of these is answered and not executed; a message is counted and dropped.
 */
export function createDispatch<From>(deps: {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
  readonly metrics: WireMetrics;
}): Dispatch<From> {
  const { clock, logger, metrics } = deps;
  const entries = new Map<string, Entry<From>>();
  const memories = new Map<string, PeerMemory>();

  function memoryOf(peer: string): PeerMemory {
    let memory = memories.get(peer);
    if (memory === undefined) {
      const { maxAnswers, maxAnswerBytes, keepAnswersMs } = LIMITS;
      memory = {
        recent: createRecentIds(LIMITS.recentIds),
        answers: createRememberedAnswers({
          maxAnswers,
          maxBytes: maxAnswerBytes,
          keepMs: keepAnswersMs,
        }),
        running: 0,
      };
      memories.set(peer, memory);
    }
    return memory;
  }

  function receiveMessage(
    entry: Extract<Entry<From>, { type: 'message' }>,
    incoming: Incoming<From>,
  ): void {
    const { envelope, ageMs } = incoming;
    if (envelope.timeoutMs !== undefined && ageMs >= envelope.timeoutMs)
      return metrics.dropped('expired');
    const body = entry.kind.body.safeParse(envelope.body);
    if (!body.success) {
      metrics.dropped('invalidBody');
      return logger.debug(
        { peer: incoming.peer, kind: envelope.kind },
        'message does not fit its schema',
      );
    }
    try {
      entry.handle(incoming.from, body.data, toReceived(incoming));
    } catch (error) {
      metrics.dropped('handlerFailed');
      logger.error(
        { peer: incoming.peer, kind: envelope.kind, err: error },
        'handler of a message failed',
      );
    }
  }

  function receiveRequest(
    entry: Extract<Entry<From>, { type: 'request' }>,
    incoming: Incoming<From>,
  ): void {
    const { envelope, ageMs, peer } = incoming;
    const { id, timeoutMs } = envelope;
    const memory = memoryOf(peer);
    const nowMs = clock.monotonic();
    const remainingMs = timeoutMs === undefined ? undefined : timeoutMs - ageMs;
    if (envelope.once) {
      const recall = memory.answers.begin(id, nowMs, nowMs + (remainingMs ?? 0));
      if (recall.status === 'running') return metrics.dropped('duplicate');
      if (recall.status === 'answered') return incoming.answer(id, recall.answer);
      if (recall.status === 'full') {
        return refuse(
          incoming,
          new MeshError('MESH_BUSY', `${peer} has too many remembered requests already`),
        );
      }
    } else if (!memory.recent.add(id)) return metrics.dropped('duplicate');

    const notRun = (error: MeshError): void => {
      if (envelope.once) memory.answers.forget(id);
      refuse(incoming, error);
    };
    if (remainingMs !== undefined && remainingMs <= 0) {
      metrics.dropped('expired');
      return notRun(
        new MeshError(
          'MESH_EXPIRED',
          `${envelope.kind} arrived ${Math.round(-remainingMs)} ms past its timeout and was not executed`,
        ),
      );
    }
    const body = entry.kind.body.safeParse(envelope.body);
    if (!body.success) {
      metrics.dropped('invalidBody');
      const problems = body.error.issues.map(({ path, message }) => ({
        path: path.join('.'),
        message,
      }));
      return notRun(
        new MeshError('MESH_INPUT_INVALID', `${envelope.kind} does not fit its schema`, {
          details: { problems },
        }),
      );
    }
    if (memory.running >= LIMITS.maxRunning) {
      return notRun(
        new MeshError('MESH_BUSY', `${LIMITS.maxRunning} requests of ${peer} run already`),
      );
    }
    run(entry, incoming, body.data, memory);
  }

  function run(
    entry: Extract<Entry<From>, { type: 'request' }>,
    incoming: Incoming<From>,
    body: unknown,
    memory: PeerMemory,
  ): void {
    const finish = (answer: RememberedAnswer): void => {
      if (incoming.envelope.once) memory.answers.settle(incoming.envelope.id, answer);
      incoming.answer(incoming.envelope.id, answer);
    };
    const succeed = (answer: unknown): void =>
      finish({ kind: answerKindOf(entry.kind), bodyJson: JSON.stringify(answer) });
    const fail = (thrown: unknown): void => {
      if (!(thrown instanceof MeshError)) {
        logger.error(
          { peer: incoming.peer, kind: entry.kind.kind, err: thrown },
          'handler of a request failed',
        );
      }
      finish(toErrorAnswer(toMeshError(thrown)));
    };
    let result: unknown;
    try {
      result = entry.handle(incoming.from, body, toReceived(incoming));
      if (!(result instanceof Promise)) return succeed(result);
    } catch (error) {
      return fail(error);
    }
    memory.running += 1;
    void result
      .then(succeed)
      .catch(fail)
      .finally(() => (memory.running -= 1));
  }

  function refuse(incoming: Incoming<From>, error: MeshError): void {
    incoming.answer(incoming.envelope.id, toErrorAnswer(error));
  }

  function add(entry: Entry<From>): void {
    const { kind } = entry.kind;
    if (entries.has(kind)) throw new Error(`${kind} has a handler already`);
    entries.set(kind, entry);
  }

  return {
    onMessage: (kind, handle) => add({ type: 'message', kind, handle: handle as never }),
    onRequest: (kind, handle) => add({ type: 'request', kind, handle: handle as never }),
    receive(incoming) {
      const { kind } = incoming.envelope;
      const entry = entries.get(kind);
      if (entry === undefined) {
        metrics.dropped('unknownKind');
        return refuse(
          incoming,
          new MeshError('MESH_KIND_UNKNOWN', `this release does not know ${kind}`),
        );
      }
      if (entry.type === 'message') receiveMessage(entry, incoming);
      else receiveRequest(entry, incoming);
    },
    forget: (peer) => memories.delete(peer),
  };
}

function toReceived<From>({ envelope, term, ageMs }: Incoming<From>): Received {
  const { id, timeoutMs, trace } = envelope;
  if (trace !== undefined) {
    return timeoutMs === undefined
      ? { id, term, trace }
      : { id, term, trace, remainingMs: timeoutMs - ageMs };
  }
  return timeoutMs === undefined ? { id, term } : { id, term, remainingMs: timeoutMs - ageMs };
}

function toErrorAnswer(error: MeshError): RememberedAnswer {
  return { kind: WireError.kind, bodyJson: JSON.stringify(error.toBody()) };
}
