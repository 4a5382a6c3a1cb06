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

/**
 * The one sender of a socket: each turn of the event loop, one frame for each peer that has messages.
 *
 * A peer that takes no more is skipped and tried again later; it never delays another. What a turn's handlers
 * queue for one peer leaves as one frame, which is what makes small messages cheap.
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

  function schedule(): void {
    if (isScheduled || stopping.signal.aborted) return;
    isScheduled = true;
    setImmediate(turn);
  }

  function turn(): void {
    isScheduled = false;
    const links = [...ready];
    ready.clear();
    for (const link of links) serve(link);
  }

  function serve(link: Link): void {
    if (stopping.signal.aborted) return;
    const nowMs = deps.clock.monotonic();
    const messages = link.queue.take(nowMs, maxBatchBytes, (message) =>
      deps.onExpired(link, message),
    );
    if (messages.length === 0) return;
    const rows = messages.map((message) => encode(message, nowMs));
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
    full.delete(link);
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
    stop: () => stopping.abort(),
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
