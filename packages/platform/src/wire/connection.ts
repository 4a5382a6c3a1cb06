import {
  MeshError,
  WireError,
  createPeerQueue,
  maxMessageBytes,
  protocolRange,
  stepLinkAge,
  type Batch,
  type FrameOutcome,
  type OutgoingFrame,
  type LinkAge,
  type PeerQueue,
  type QueuedMessage,
} from '@meshwork/shared';
import type { PumpLink } from './pump.ts';
import type { RequestLink } from './requests.ts';
import type { WireMetrics } from './wire-metrics.ts';

/** What waits for one peer at most. */
const defaultQueueLimits = { maxBytes: 8_388_608, maxMessages: 16_384 } as const;

/** One proven connection: its queue, its clock, its session. Sending, requests and pump all work on it. */
export interface Connection extends PumpLink, RequestLink {
  readonly queue: PeerQueue;
  /** Queues a message; `latest` replaces what waits in the slot of its kind. */
  enqueue(message: QueuedMessage): 'queued' | 'full' | 'tooLarge';
  /** Queues an answer; one that is too large becomes an error. */
  answer(message: QueuedMessage): void;
  /** Age of a frame of this connection that just arrived. */
  ageOf(batch: Pick<Batch, 'sentAtMs'>): number;
  /** Boot clock at which something was last handed to the socket. */
  readonly sentAtMs: number;
}

/** Where a connection goes and what its frames say. */
export interface ConnectionOptions {
  /** Name of the peer. */
  readonly name: string;
  /** Stands in every frame of a peer, given by the welcome; the hub's frames have none. */
  readonly session?: string;
  readonly limits?: { readonly maxBytes: number; readonly maxMessages: number };
  send(frame: OutgoingFrame): Promise<FrameOutcome>;
  /** Boot clock, milliseconds. */
  bootMs(): number;
  term(): number;
  readonly metrics: WireMetrics;
  /** The queue has something now. */
  onQueued(): void;
}

/** A connection with an empty queue. */
export function createConnection(options: ConnectionOptions): Connection {
  const { name, session } = options;
  const queue = createPeerQueue(options.limits ?? defaultQueueLimits);
  let age: LinkAge | undefined;
  let sentAtMs = options.bootMs();

  const connection: Connection = {
    name,
    queue,
    send: options.send,
    head() {
      sentAtMs = options.bootMs();
      const term = options.term();
      const atMs = Math.round(sentAtMs);
      return session === undefined
        ? { v: protocolRange.max, to: name, term, sentAtMs: atMs }
        : { v: protocolRange.max, to: name, term, session, sentAtMs: atMs };
    },
    enqueue(message) {
      if (isTooLarge(message.bodyJson)) return 'tooLarge';
      if (message.latest) queue.put(message);
      else if (!queue.push(message)) return 'full';
      options.onQueued();
      return 'queued';
    },
    answer(message) {
      const outcome = connection.enqueue(message);
      if (outcome === 'queued') return;
      options.metrics.dropped('full');
      if (outcome === 'full') return;
      const error = new MeshError(
        'MESH_TOO_LARGE',
        `the answer ${message.kind} is larger than a message may be`,
      );
      const bodyJson = JSON.stringify(error.toBody());
      connection.enqueue({ ...message, kind: WireError.kind, bodyJson });
    },
    withdraw: (id) => queue.remove(id) !== undefined,
    ageOf(batch) {
      const { link, ageMs } = stepLinkAge(age, {
        sentAtMs: batch.sentAtMs,
        receivedAtMs: options.bootMs(),
      });
      age = link;
      return ageMs;
    },
    get sentAtMs() {
      return sentAtMs;
    },
  };
  return connection;
}

/** Counts bytes only where characters cannot decide. */
function isTooLarge(bodyJson: string): boolean {
  if (bodyJson.length > maxMessageBytes) return true;
  return bodyJson.length * 3 > maxMessageBytes && Buffer.byteLength(bodyJson) > maxMessageBytes;
}
