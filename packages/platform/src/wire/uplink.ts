import {
  MeshError,
  stepRedial,
  type Batch,
  type Clock,
  type DialEnd,
  type Envelope,
  type ErrorBody,
  type Incarnation,
  type KeyPair,
  type Logger,
  type MessageKind,
  type NodeName,
  type PeerRole,
  type Random,
  type Redial,
  type Transport,
  type Uplink,
  type UplinkEvents,
} from '@meshwork/shared';
import { createConnection, type Connection } from './connection.ts';
import { createDispatch } from './dispatch.ts';
import { createLinkTime } from './link-time.ts';
import { createIdMint, mintRoutingId } from './mint-id.ts';
import { createPump } from './pump.ts';
import { createRequests, refusedOutcome } from './requests.ts';
import { dialOnce, type Attempt, type AttemptEnd } from './uplink-attempt.ts';
import type { WireMetrics } from './wire-metrics.ts';

/** What an uplink works with. */
export interface UplinkDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: WireMetrics;
  readonly events: UplinkEvents;
}

/** Whom an uplink dials and as whom. */
export interface UplinkConfig {
  /** `HOST:PORT`, tried in turn until one answers. */
  readonly addresses: readonly string[];
  readonly keys: KeyPair;
  readonly serverKey: string;
  readonly node: NodeName;
  readonly role: PeerRole;
  readonly incarnation: Incarnation;
  readonly release: string;
  /** What the hello says of its sender; asked at each hello. */
  about(): unknown;
  /** Bounds of what waits to be sent. Default 8 MiB, 16,384 messages. */
  readonly queue?: { readonly maxBytes: number; readonly maxMessages: number };
}

const STOP_LINGER_MS = 200;

/**
 * A node's end of the control plane: dials, proves itself, and does so again for ever.
 *
 * `start` resolves at once: a node works alone until the main node answers.
 */
export function createUplink(deps: UplinkDeps, config: UplinkConfig): Uplink {
  const { clock, logger, metrics, events } = deps;
  const bootMs = createLinkTime(clock);
  const mintId = createIdMint(deps.random);
  const routingId = mintRoutingId(deps.random);
  const stopping = new AbortController();
  let { incarnation } = config;
  let addresses = [...config.addresses];
  let attempt: Attempt | undefined;
  let connection: Connection | undefined;
  let term = 0;
  let running: Promise<void> = Promise.resolve();

  const requests = createRequests<Connection>({ clock, metrics, mintId });
  const dispatch = createDispatch<void>({ clock, logger, metrics });
  const pump = createPump<Connection>({
    clock,
    onSent: (_, messages, bytes) => metrics.sent(messages.length, bytes),
    onExpired: (_, message) => requests.onExpired(message.id),
    onClosed: (closed, messages) => {
      requests.onGone(closed, messages);
      // A binding that a newer hello replaced ends alone: the connection carries the newer one.
      if (closed === connection) attempt?.close('closed');
    },
  });

  function unbind(): void {
    const ended = connection;
    if (ended === undefined) return;
    connection = undefined;
    pump.remove(ended);
    requests.onGone(ended, ended.queue.drain());
    events.onLost();
  }

  function dial(address: string): Attempt {
    return dialOnce(
      { ...deps, bootMs, mintId },
      {
        config,
        endpoint: `tcp://${address}`,
        routingId,
        incarnation: () => incarnation,
        onWelcome(welcome, batch) {
          unbind();
          term = Math.max(term, welcome.term);
          connection = bind(welcome.session);
          connection.ageOf(batch);
          logger.info({ address, role: config.role, incarnation }, 'bound to the main node');
          events.onWelcome(welcome);
        },
        onUnknown: unbind,
        onMessage: receive,
        ageOf: (batch) => connection?.ageOf(batch) ?? 0,
      },
    );
  }

  function bind(session: string): Connection {
    const bound = createConnection({
      name: 'hub',
      session,
      ...(config.queue && { limits: config.queue }),
      send: (frame) => attempt?.send(frame) ?? Promise.resolve('closed'),
      bootMs,
      metrics,
      term: () => term,
      onQueued: () => pump.wake(bound),
    });
    return bound;
  }

  function receive(envelope: Envelope, batch: Batch, ageMs: number): void {
    if (connection === undefined) return metrics.dropped('unproven');
    const { correlationId } = envelope;
    term = Math.max(term, batch.term);
    if (correlationId !== undefined) return requests.onAnswer(connection, envelope, correlationId);
    dispatch.receive({
      from: undefined,
      peer: 'hub',
      envelope,
      term: batch.term,
      ageMs,
      answer(id, { kind, bodyJson }) {
        if (connection === undefined) return metrics.dropped('gone');
        connection.answer({ id: mintId(), kind, bodyJson, correlationId: id });
      },
    });
  }

  async function run(): Promise<void> {
    const { signal } = stopping;
    let redial: Redial = { index: 0, refusals: 0 };
    while (!signal.aborted) {
      const address = addresses[redial.index % addresses.length];
      let end: AttemptEnd = { reason: 'unresolved', wasBound: false };
      if (address !== undefined) {
        attempt = dial(address);
        end = await attempt.ended;
        attempt = undefined;
        unbind();
        if (!signal.aborted) report(address, end);
      }
      const step = stepRedial(redial, toDialEnd(end), {
        addresses: addresses.length,
        random: deps.random.next(),
      });
      redial = step.redial;
      await clock.sleep(step.delayMs, signal).catch(() => {});
    }
  }

  function report(address: string, end: AttemptEnd): void {
    const { reason, error } = end;
    logger.debug({ address, reason, role: config.role }, 'connection to the main node ended');
    if (error !== undefined) events.onRefused(error);
    else if (reason === 'auth') events.onRefused(keyRefused(config.node, address));
  }

  return {
    name: `uplink ${config.role}`,
    onMessage: dispatch.onMessage,
    onRequest: dispatch.onRequest,
    async start() {
      running = run();
    },
    async stop(signal) {
      while (!pump.isIdle && !signal.aborted && !stopping.signal.aborted) {
        await clock.sleep(5, signal).catch(() => {});
      }
      stopping.abort();
      requests.stop();
      pump.stop();
      attempt?.close('stopped', { lingerMs: STOP_LINGER_MS });
      await running;
    },
    send<M extends MessageKind>(kind: M, body: unknown) {
      const message = { id: mintId(), kind: kind.kind, bodyJson: JSON.stringify(body) };
      return connection?.enqueue(message) ?? 'unbound';
    },
    sendLatest<M extends MessageKind>(kind: M, body: unknown) {
      const message = {
        id: mintId(),
        kind: kind.kind,
        bodyJson: JSON.stringify(body),
        latest: true,
      } as const;
      return connection?.enqueue(message) ?? 'unbound';
    },
    request(kind, body, options) {
      if (connection !== undefined) return requests.request(connection, kind, body, options);
      return refusedOutcome(
        'MESH_UNREACHABLE',
        `the main node is not connected; ${kind.kind} was not sent`,
      );
    },
    renew(next) {
      incarnation = next;
      attempt?.sayHello();
    },
    setAddresses(next) {
      addresses = [...next];
    },
    get isBound() {
      return connection !== undefined;
    },
  };
}

function toDialEnd(end: AttemptEnd): DialEnd {
  if (end.reason === 'helloRefused' || end.reason === 'auth') return 'refused';
  return end.wasBound ? 'wasBound' : 'failed';
}

function keyRefused(node: NodeName, address: string): ErrorBody {
  const message = `${address} does not accept the key of ${node}: not enrolled there, or revoked`;
  return new MeshError('MESH_HELLO_REFUSED', message).toBody();
}
