import type { Metrics } from '@meshwork/shared';

/** Why something that arrived, or was to be sent, went no further. */
export type DropReason =
  /** Not a batch, not a message, too many frames. */
  | 'malformed'
  /** From a connection without a good hello, or without its session. */
  | 'unproven'
  /** From a connection whose key was revoked. */
  | 'revoked'
  /** Delivered twice. */
  | 'duplicate'
  /** Past its timeout when it arrived. */
  | 'expired'
  /** No handler, here and now. */
  | 'unknownKind'
  /** Does not fit the schema of its kind. */
  | 'invalidBody'
  /** An answer nobody waits for: late, or for another process. */
  | 'unmatchedAnswer'
  /** A handler of a message threw. */
  | 'handlerFailed'
  /** Answer for a connection that is gone. */
  | 'gone'
  /** A queue was at its bound. */
  | 'full';

/** How a hello ended. */
export type HelloOutcome =
  | 'accepted'
  | 'badProof'
  | 'unknownKey'
  | 'outdated'
  | 'protocol'
  | 'refused';

/** Counters of everything that passes through the wire, and of everything dropped. */
export interface WireMetrics {
  dropped(reason: DropReason, by?: number): void;
  hello(outcome: HelloOutcome): void;
  received(messages: number, bytes: number): void;
  sent(messages: number, bytes: number): void;
  request(outcome: string): void;
  /** A connection ended: closed by the peer's kernel, cut by us, or replaced by a newer hello. */
  ended(how: 'closed' | 'revoked' | 'replaced'): void;
  rebound(): void;
}

/** How often counts are handed on: a labelled counter costs as much as decoding a small message. */
const HAND_ON_EVERY = 256;

/** The wire's metrics, `mesh_wire_*`. Made once a process; Hub, Uplink and enrolment share them. */
export function createWireMetrics(metrics: Metrics): WireMetrics {
  const dropped = metrics.counter({
    name: 'mesh_wire_dropped_total',
    help: 'Messages and frames that went no further, by reason',
    labels: ['reason'],
  });
  const hellos = metrics.counter({
    name: 'mesh_wire_hellos_total',
    help: 'Hellos by how they ended',
    labels: ['outcome'],
  });
  const messages = metrics.counter({
    name: 'mesh_wire_messages_total',
    help: 'Messages by direction',
    labels: ['direction'],
  });
  const frames = metrics.counter({
    name: 'mesh_wire_frames_total',
    help: 'Batches of messages by direction',
    labels: ['direction'],
  });
  const bytes = metrics.counter({
    name: 'mesh_wire_bytes_total',
    help: 'Bytes before encryption by direction',
    labels: ['direction'],
  });
  const requests = metrics.counter({
    name: 'mesh_wire_requests_total',
    help: 'Requests by how they ended',
    labels: ['outcome'],
  });
  const ended = metrics.counter({
    name: 'mesh_wire_connections_ended_total',
    help: 'Proven connections that ended, by how',
    labels: ['how'],
  });
  const rebinds = metrics.counter({
    name: 'mesh_wire_rebinds_total',
    help: 'Times the control port was closed and bound again to cut a revoked peer',
  });
  const received = createTraffic('received');
  const sent = createTraffic('sent');
  const outcomes = new Map<string, number>();

  function createTraffic(direction: string): (count: number, size: number) => void {
    return (count, size) => {
      frames.inc({ direction });
      messages.inc({ direction }, count);
      bytes.inc({ direction }, size);
    };
  }

  return {
    dropped: (reason, by = 1) => dropped.inc({ reason }, by),
    hello: (outcome) => hellos.inc({ outcome }),
    received,
    sent,
    request(outcome) {
      const count = (outcomes.get(outcome) ?? 0) + 1;
      // The first of a kind shows at once; of many, the last few may show late.
      const isDue = count >= HAND_ON_EVERY || !outcomes.has(outcome);
      if (isDue) requests.inc({ outcome }, count);
      outcomes.set(outcome, isDue ? 0 : count);
    },
    ended: (how) => ended.inc({ how }),
    rebound: () => rebinds.inc(),
  };
}
