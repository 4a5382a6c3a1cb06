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

interface Traffic {
  frames: number;
  messages: number;
  bytes: number;
}

/**
 * The wire's metrics, `mesh_wire_*`. Made once a process; Hub, Uplink and enrolment share them.
 *
 * What happens for each frame is added up here and handed on when somebody scrapes: a labelled counter costs as much as
 * decoding a small message.
 */
export function createWireMetrics(metrics: Metrics): WireMetrics {
  const totals = { received: noTraffic(), sent: noTraffic() };
  const handedOn = { received: noTraffic(), sent: noTraffic() };
  const outcomes = new Map<string, number>();
  // Registered first and so asked first at a scrape: it brings the counters up to date.
  metrics.gauge({
    name: 'mesh_wire_batch_messages',
    help: 'Messages per frame sent, on average since the start',
    collect() {
      handOn();
      return totals.sent.messages / Math.max(1, totals.sent.frames);
    },
  });
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
  const traffic = {
    frames: metrics.counter({
      name: 'mesh_wire_frames_total',
      help: 'Batches of messages by direction',
      labels: ['direction'],
    }),
    messages: metrics.counter({
      name: 'mesh_wire_messages_total',
      help: 'Messages by direction',
      labels: ['direction'],
    }),
    bytes: metrics.counter({
      name: 'mesh_wire_bytes_total',
      help: 'Bytes before encryption by direction',
      labels: ['direction'],
    }),
  };
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

  function handOn(): void {
    for (const direction of ['received', 'sent'] as const) {
      for (const unit of ['frames', 'messages', 'bytes'] as const) {
        const total = totals[direction][unit];
        traffic[unit].inc({ direction }, total - handedOn[direction][unit]);
        handedOn[direction][unit] = total;
      }
    }
    for (const [outcome, count] of outcomes) requests.inc({ outcome }, count);
    outcomes.clear();
  }

  return {
    dropped: (reason, by = 1) => dropped.inc({ reason }, by),
    hello: (outcome) => hellos.inc({ outcome }),
    received: (messages, bytes) => add(totals.received, messages, bytes),
    sent: (messages, bytes) => add(totals.sent, messages, bytes),
    request: (outcome) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1),
    ended: (how) => ended.inc({ how }),
    rebound: () => rebinds.inc(),
  };
}

function noTraffic(): Traffic {
  return { frames: 0, messages: 0, bytes: 0 };
}

function add(traffic: Traffic, messages: number, bytes: number): void {
  traffic.frames += 1;
  traffic.messages += messages;
  traffic.bytes += bytes;
}
