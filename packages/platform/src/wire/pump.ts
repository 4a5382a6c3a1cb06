import {
  encodeBatch,
  encodeMessage,
  maxBatchBytes,
  type BatchHead,
  type Clock,
  type FrameOutcome,
  type OutgoingFrame,
  type PeerQueue,
  type QueuedMessage,
} from '@meshwork/shared';

/** What the pump serves: a queue and where it goes. */
export interface PumpLink {
  readonly queue: PeerQueue;
  send(frame: OutgoingFrame): Promise<FrameOutcome>;
  /** What all messages of the next frame have in common. */
  head(): BatchHead;
}

/** What the pump tells about the messages it was given. */
export interface PumpEvents<Link> {
  onSent(link: Link, messages: readonly QueuedMessage[], bytes: number): void;
  /** Its deadline passed before it left the queue. */
  onExpired(link: Link, message: QueuedMessage): void;
  /** The connection is closed; `messages` had just been taken and did not leave. */
  onClosed(link: Link, messages: readonly QueuedMessage[]): void;
}

/** Moves messages from bounded queues to one socket. */
export interface Pump<Link> {
  /** Something was put in this link's queue. */
  wake(link: Link): void;
  /** Forgets the link. */
  remove(link: Link): void;
  /** Nothing is sent any more. */
  stop(): void;
  /** Nothing waits to be sent but what full peers do not take. */
  readonly isIdle: boolean;
}

/** How long a full peer is left alone before it is tried again. */
const FULL_RETRY_MS = { first: 2, max: 50 } as const;

/** A message that comes so long after the last one that left early leaves early, too. */
const LEAD_EVERY_MS = 0.1;

/**
 * The one sender of a socket: in each turn of the event loop a frame for each peer that has messages.
 *
 * A peer that takes no more is skipped and tried again later; it never delays another. What all tasks of a turn queue
 * leaves together at the turn's end, which is what makes many small messages cheap; but a lone message does not wait for
 * that: what one task queues after a pause leaves when the task ends.
 */
export function createPump<Link extends PumpLink>(
  deps: { readonly clock: Pick<Clock, 'monotonic' | 'sleep'> } & PumpEvents<Link>,
): Pump<Link> {
  const stopping = new AbortController();
  /** In turn: a link that was served goes to the end. */
  const ready = new Set<Link>();
  /** Links whose last frame's outcome is not known yet; it may have to be put back in order. */
  const underWay = new Set<Link>();
  const full = new Map<Link, number>();
  let isScheduled = false;
  let isStopped = false;
  let ledAtMs = Number.NEGATIVE_INFINITY;

  function schedule(): void {
    if (isScheduled || isStopped) return;
    isScheduled = true;
    const nowMs = deps.clock.monotonic();
    if (nowMs - ledAtMs < LEAD_EVERY_MS) {
      setImmediate(serveReady);
      return;
    }
    ledAtMs = nowMs;
    process.nextTick(serveReady);
  }

  function serveReady(): void {
    isScheduled = false;
    for (const link of ready) {
      ready.delete(link);
      serve(link);
    }
  }

  function serve(link: Link): void {
    if (isStopped) return;
    const nowMs = deps.clock.monotonic();
    const messages = link.queue.take(nowMs, maxBatchBytes, (message) =>
      deps.onExpired(link, message),
    );
    if (messages.length === 0) return;
    const rows: string[] = [];
    for (const message of messages) rows.push(encode(message, nowMs));
    const frame = encodeBatch(link.head(), rows);
    underWay.add(link);
    // `send` reports every failure it expects as an outcome; any other is a bug and must surface.
    void link.send(frame).then((outcome) => settle(link, messages, frame.length, outcome));
  }

  function settle(
    link: Link,
    messages: readonly QueuedMessage[],
    bytes: number,
    outcome: FrameOutcome,
  ): void {
    const wasRemoved = !underWay.delete(link);
    if (outcome === 'closed' || wasRemoved) return deps.onClosed(link, messages);
    if (outcome === 'full') {
      link.queue.putBack(messages);
      return retry(link);
    }
    if (full.size > 0) full.delete(link);
    deps.onSent(link, messages, bytes);
    if (link.queue.size > 0) wake(link);
  }

  function retry(link: Link): void {
    const delayMs = Math.min((full.get(link) ?? FULL_RETRY_MS.first / 2) * 2, FULL_RETRY_MS.max);
    full.set(link, delayMs);
    deps.clock.sleep(delayMs, stopping.signal).then(
      () => {
        if (!full.has(link)) return;
        ready.add(link);
        schedule();
      },
      () => {},
    );
  }

  function wake(link: Link): void {
    if (underWay.has(link) || full.has(link)) return;
    ready.add(link);
    schedule();
  }

  return {
    wake,
    remove(link) {
      ready.delete(link);
      underWay.delete(link);
      full.delete(link);
    },
    stop() {
      isStopped = true;
      stopping.abort();
    },
    get isIdle() {
      return ready.size === 0 && underWay.size === 0;
    },
  };
}

function encode(message: QueuedMessage, nowMs: number): string {
  const { deadlineMs } = message;
  if (deadlineMs === undefined) return encodeMessage(message);
  const { id, kind, bodyJson, correlationId, trace, once } = message;
  const timeoutMs = Math.max(1, Math.round(deadlineMs - nowMs));
  return encodeMessage({ id, kind, bodyJson, correlationId, trace, once, timeoutMs });
}
