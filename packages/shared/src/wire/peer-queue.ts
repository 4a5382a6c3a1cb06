/** One message that waits to be sent to one peer. */
export interface QueuedMessage {
  readonly id: string;
  readonly kind: string;
  readonly bodyJson: string;
  readonly correlationId?: string | undefined;
  /** Monotonic; past it the message is not sent any more. */
  readonly deadlineMs?: number | undefined;
  readonly trace?: string | undefined;
  readonly once?: true | undefined;
  /** Waits in the slot of its kind: a newer one takes its place. */
  readonly latest?: true | undefined;
}

/** Bounds of one peer's queue. */
export interface PeerQueueLimits {
  readonly maxBytes: number;
  readonly maxMessages: number;
}

/** What waits for one peer: latest-wins slots first, then messages in order. */
export interface PeerQueue {
  /** False at the bound; nothing was taken then. */
  push(message: QueuedMessage): boolean;
  /** Replaces what waits in the slot of this kind. Slots are bounded by the number of kinds. */
  put(message: QueuedMessage): void;
  /**
   * Takes messages for one frame of at most `maxBytes`, at least one if any waits. A larger message goes alone.
   * Those past their deadline go to `expired` instead.
   */
  take(nowMs: number, maxBytes: number, expired: (message: QueuedMessage) => void): QueuedMessage[];
  /** Puts back, in front, what `take` gave and the socket had no room for; a newer slot wins over an older. */
  putBack(messages: readonly QueuedMessage[]): void;
  /** Takes out the message of this id if it still waits. */
  remove(id: string): QueuedMessage | undefined;
  /** Takes out everything. */
  drain(): QueuedMessage[];
  readonly size: number;
  readonly bytes: number;
}

/** Bytes of envelope around a body, rounded up: ids, kind, punctuation. */
const ENVELOPE_BYTES = 256;

/** An empty queue. Bytes are counted as characters of JSON plus an allowance per envelope. */
export function createPeerQueue(limits: PeerQueueLimits): PeerQueue {
  const slots = new Map<string, QueuedMessage>();
  let waiting: QueuedMessage[] = [];
  /** First index of `waiting` that still waits: taking from the front must not move the rest. */
  let head = 0;
  let bytes = 0;

  function compact(): void {
    if (head === waiting.length) {
      waiting = [];
      head = 0;
    } else if (head > 1024 && head * 2 > waiting.length) {
      waiting = waiting.slice(head);
      head = 0;
    }
  }

  return {
    push(message) {
      const size = sizeOf(message);
      if (bytes + size > limits.maxBytes || waiting.length - head >= limits.maxMessages)
        return false;
      waiting.push(message);
      bytes += size;
      return true;
    },
    put(message) {
      slots.set(message.kind, message);
    },
    take(nowMs, maxBytes, expired) {
      const taken: QueuedMessage[] = [];
      let total = 0;
      if (slots.size > 0) {
        for (const [kind, message] of slots) {
          const size = sizeOf(message);
          if (taken.length > 0 && total + size > maxBytes) return taken;
          taken.push(message);
          total += size;
          slots.delete(kind);
        }
      }
      for (; head < waiting.length; head += 1) {
        const message = waiting[head];
        if (message === undefined) break;
        const size = sizeOf(message);
        if (message.deadlineMs !== undefined && message.deadlineMs <= nowMs) {
          expired(message);
        } else {
          if (taken.length > 0 && total + size > maxBytes) break;
          taken.push(message);
          total += size;
        }
        bytes -= size;
      }
      compact();
      return taken;
    },
    putBack(messages) {
      const queued: QueuedMessage[] = [];
      for (const message of messages) {
        if (message.latest !== true) queued.push(message);
        else if (!slots.has(message.kind)) slots.set(message.kind, message);
      }
      for (const message of queued) bytes += sizeOf(message);
      waiting = [...queued, ...waiting.slice(head)];
      head = 0;
    },
    remove(id) {
      for (let at = head; at < waiting.length; at += 1) {
        const message = waiting[at];
        if (message?.id !== id) continue;
        waiting.splice(at, 1);
        bytes -= sizeOf(message);
        return message;
      }
      return undefined;
    },
    drain() {
      const all = [...slots.values(), ...waiting.slice(head)];
      slots.clear();
      waiting = [];
      head = 0;
      bytes = 0;
      return all;
    },
    get size() {
      return slots.size + waiting.length - head;
    },
    get bytes() {
      return bytes;
    },
  };
}

function sizeOf(message: QueuedMessage): number {
  return message.bodyJson.length + ENVELOPE_BYTES;
}
