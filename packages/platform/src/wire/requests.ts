import {
  MeshError,
  WireError,
  fromErrorBody,
  isWord,
  type Clock,
  type Envelope,
  type ErrorBody,
  type ErrorCode,
  type QueuedMessage,
  type RequestKind,
  type RequestOptions,
  type RequestOutcome,
} from '@meshwork/shared';
import type { z } from 'zod';
import type { WireMetrics } from './wire-metrics.ts';

/** The connection of a request, as far as it matters for the request. */
export interface RequestLink {
  /** Whom the request is for, in error messages. */
  readonly name: string;
  /** How putting it in the queue ended. */
  enqueue(message: QueuedMessage): 'queued' | 'full' | 'tooLarge';
  /** Takes the message of this id out of the queue, if it still waits there. */
  withdraw(id: string): boolean;
}

/** Requests that wait for their answers. */
export interface Requests<Link extends RequestLink> {
  request<R extends RequestKind>(
    link: Link,
    kind: R,
    body: z.infer<R['body']>,
    options: RequestOptions,
  ): Promise<RequestOutcome<z.infer<R['answer']>>>;
  /** A message with a correlation id came from this connection. */
  onAnswer(link: Link, answer: Envelope, correlationId: string): void;
  /** This request will not be sent any more because its time is over. */
  onExpired(id: string): void;
  /** The connection ended; `unsent` had not left our queue. */
  onGone(link: Link, unsent: readonly QueuedMessage[]): void;
  stop(): void;
}

type Outcome = RequestOutcome<unknown>;

interface Pending<Link> {
  readonly link: Link;
  readonly kind: RequestKind;
  readonly deadlineMs: number;
  readonly outcome: Promise<Outcome>;
  settle(outcome: Outcome): void;
}

/** Requests of one process that may wait at the same time. */
const MAX_PENDING = 65_536;

/** Deadlines are looked at no more often than this. */
const SWEEP_EVERY_MS = 5;

/**
 * Ends every request by its deadline in one of four ways: answered, refused (did not run), expired (did not run)
 * or unknown (sent, may have run). No timer a request: one, for the earliest deadline.
 */
export function createRequests<Link extends RequestLink>(deps: {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  readonly metrics: WireMetrics;
  mintId(): string;
}): Requests<Link> {
  const { clock } = deps;
  const pending = new Map<string, Pending<Link>>();
  const stopping = new AbortController();
  let armed: AbortController | undefined;
  let armedForMs = Number.POSITIVE_INFINITY;

  function settle(id: string, outcome: Outcome): void {
    const entry = pending.get(id);
    if (entry === undefined) return;
    pending.delete(id);
    deps.metrics.request(outcome.status);
    entry.settle(outcome);
  }

  /** Ends a request without an answer: `expired` while it is still ours, else nobody knows. */
  function giveUp(id: string, entry: Pending<Link>, why: string): void {
    const { kind, link } = entry;
    if (link.withdraw(id)) {
      settle(
        id,
        expired(`${kind.kind} for ${link.name} ${why} before it was sent; it did not run`),
      );
    } else {
      settle(
        id,
        unknown(
          `${kind.kind} for ${link.name} was sent and ${why} before an answer came; it may have run`,
        ),
      );
    }
  }

  function sweep(): void {
    armedForMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.monotonic();
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const [id, entry] of pending) {
      if (entry.deadlineMs <= nowMs) giveUp(id, entry, 'ran out of time');
      else earliestMs = Math.min(earliestMs, entry.deadlineMs);
    }
    if (earliestMs < Number.POSITIVE_INFINITY) arm(Math.max(earliestMs, nowMs + SWEEP_EVERY_MS));
  }

  function arm(deadlineMs: number): void {
    if (deadlineMs >= armedForMs || stopping.signal.aborted) return;
    armed?.abort();
    armed = new AbortController();
    armedForMs = deadlineMs;
    const signal = armed.signal;
    clock.sleep(Math.max(0, deadlineMs - clock.monotonic()), signal).then(sweep, () => {});
  }

  return {
    request(link, kind, body, options) {
      const id = options.id ?? deps.mintId();
      const known = pending.get(id);
      // The same request again while the first waits: one answer serves both.
      if (known !== undefined) return known.outcome as Promise<RequestOutcome<never>>;
      const refused = (error: ErrorBody): Promise<RequestOutcome<never>> => {
        deps.metrics.request('refused');
        return Promise.resolve({ status: 'refused', error });
      };
      if (!isWord(id)) {
        return refused(
          bodyOf(
            'MESH_INPUT_INVALID',
            'the id of a request is at most 64 letters, digits and _ . ? : -',
          ),
        );
      }
      if (options.signal?.aborted)
        return refused(bodyOf('MESH_EXPIRED', `${kind.kind} was canceled`));
      if (pending.size >= MAX_PENDING) {
        return refused(bodyOf('MESH_BUSY', `${MAX_PENDING} requests wait for answers already`));
      }
      const deadlineMs = clock.monotonic() + options.timeoutMs;
      const queued = link.enqueue({
        id,
        kind: kind.kind,
        bodyJson: JSON.stringify(body),
        deadlineMs,
        trace: options.trace,
        once: options.id === undefined ? undefined : true,
      });
      if (queued === 'full') {
        return refused(
          bodyOf('MESH_BUSY', `the queue to ${link.name} is full; ${kind.kind} was not sent`),
        );
      }
      if (queued === 'tooLarge') {
        return refused(
          bodyOf('MESH_TOO_LARGE', `${kind.kind} for ${link.name} is larger than a message may be`),
        );
      }
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      const entry: Pending<Link> = { link, kind, deadlineMs, outcome: promise, settle: resolve };
      pending.set(id, entry);
      if (options.signal !== undefined) {
        const { signal } = options;
        const cancel = (): void => giveUp(id, entry, 'was canceled');
        signal.addEventListener('abort', cancel, { once: true });
        entry.settle = (outcome) => {
          signal.removeEventListener('abort', cancel);
          resolve(outcome);
        };
      }
      arm(deadlineMs);
      return promise as Promise<RequestOutcome<never>>;
    },
    onAnswer(link, answer, id) {
      const entry = pending.get(id);
      // Only the peer that was asked can answer.
      if (entry === undefined || entry.link !== link)
        return deps.metrics.dropped('unmatchedAnswer');
      settle(id, toOutcome(entry.kind, answer));
    },
    onExpired(id) {
      const entry = pending.get(id);
      if (entry === undefined) return;
      const { kind, link } = entry;
      settle(
        id,
        expired(`${kind.kind} for ${link.name} ran out of time before it was sent; it did not run`),
      );
    },
    onGone(link, unsent) {
      for (const { id } of unsent) {
        const error = bodyOf(
          'MESH_PEER_GONE',
          `the connection to ${link.name} ended before the request was sent`,
        );
        settle(id, { status: 'refused', error });
      }
      for (const [id, entry] of pending) {
        if (entry.link !== link) continue;
        settle(
          id,
          unknown(
            `${entry.kind.kind} was sent to ${link.name} and the connection ended before an answer came; it may have run`,
          ),
        );
      }
    },
    stop() {
      stopping.abort();
      armed?.abort();
      for (const [id, entry] of pending) giveUp(id, entry, 'this process is stopping');
    },
  };
}

function toOutcome(kind: RequestKind, answer: Envelope): Outcome {
  if (answer.kind === WireError.kind) {
    const body = WireError.body.safeParse(answer.body);
    return body.success
      ? toFailure(fromErrorBody(body.data).toBody())
      : unknown('the answer is no error body');
  }
  const body = kind.answer.safeParse(answer.body);
  if (body.success && answer.kind === answerKindOf(kind))
    return { status: 'answered', answer: body.data };
  return unknown(`the answer to ${kind.kind} does not fit its schema; it ran`);
}

/** A refusal did not run, unless its code says that nobody knows. */
function toFailure(error: ErrorBody): Outcome {
  switch (error.code) {
    case 'MESH_EXPIRED':
      return { status: 'expired', error };
    case 'MESH_OUTCOME_UNKNOWN':
    case 'MESH_INTERNAL':
      return { status: 'unknown', error };
    default:
      return { status: 'refused', error };
  }
}

const answerKinds = new WeakMap<RequestKind, string>();

/** The kind under which the answer of a request travels. */
export function answerKindOf(kind: RequestKind): string {
  let name = answerKinds.get(kind);
  if (name === undefined) answerKinds.set(kind, (name = `${kind.kind}.answer`));
  return name;
}

/** A request that was refused before it was sent. */
export function refusedOutcome(
  code: ErrorCode,
  message: string,
): Promise<{ readonly status: 'refused'; readonly error: ErrorBody }> {
  return Promise.resolve({ status: 'refused', error: bodyOf(code, message) });
}

function expired(message: string): Outcome {
  return { status: 'expired', error: bodyOf('MESH_EXPIRED', message) };
}

function unknown(message: string): Outcome {
  return { status: 'unknown', error: bodyOf('MESH_OUTCOME_UNKNOWN', message) };
}

function bodyOf(code: ErrorCode, message: string): ErrorBody {
  return new MeshError(code, message).toBody();
}
