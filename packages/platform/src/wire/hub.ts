import {
  MeshError,
  WireError,
  WirePing,
  encodeBatch,
  encodeMessage,
  type Clock,
  type Hub,
  type HubEvents,
  type KeyPair,
  type Logger,
  type MessageKind,
  type NodeName,
  type Peer,
  type PeerRole,
  type PublicKey,
  type QueuedMessage,
  type Random,
  type SendOutcome,
  type Term,
  type Transport,
} from '@meshwork/shared';
import { createBindings, type Binding } from './bindings.ts';
import { createConnection } from './connection.ts';
import { createCutPeers } from './cut-peers.ts';
import { createDispatch } from './dispatch.ts';
import { encodeGreeting, maxFrameBytes } from './frames.ts';
import { createHubInbox, toRoutingKey } from './hub-inbox.ts';
import { createHubPort } from './hub-port.ts';
import { createLinkTime } from './link-time.ts';
import { createIdMint } from './mint-id.ts';
import { createPump } from './pump.ts';
import { createRequests, refusedOutcome } from './requests.ts';
import type { WireMetrics } from './wire-metrics.ts';

/** What a hub works with. */
export interface HubDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: WireMetrics;
  readonly events: HubEvents;
}

/** Where a hub binds and as whom. */
export interface HubConfig {
  /** Addresses to bind, without port: `127.0.0.1`, `192.168.1.5`, `::1`. */
  readonly hosts: readonly string[];
  /** 0 takes a free one. */
  readonly port: number;
  readonly keys: KeyPair;
  /** Keys admitted from the start. */
  readonly admitted?: ReadonlyMap<PublicKey, NodeName>;
  readonly term?: Term;
  /** Bounds of what waits for one peer. Default 8 MiB, 16,384 messages. */
  readonly queue?: { readonly maxBytes: number; readonly maxMessages: number };
}

/** Names the control port towards the authenticator. */
const DOMAIN = 'control';

/** A binding to which nothing was sent for this long is pinged, so that a close is noticed. */
const PING_AFTER_MS = 500;
const TICK_MS = 100;
const STOP_LINGER_MS = 200;

/** The main node's end of the control plane. Nothing is open before `start`. */
export function createHub(deps: HubDeps, config: HubConfig): Hub {
  const { clock, logger, metrics, events } = deps;
  const bootMs = createLinkTime(clock);
  const mintId = createIdMint(deps.random);
  const bindings = createBindings();
  const cut = createCutPeers();
  const stopping = new AbortController();
  let admitted = config.admitted ?? new Map<PublicKey, NodeName>();
  let term = config.term ?? 0;
  let ticking: Promise<void> = Promise.resolve();

  const requests = createRequests<Binding>({ clock, metrics, mintId });
  const dispatch = createDispatch<Peer>({ clock, logger, metrics });
  const pump = createPump<Binding>({
    clock,
    onSent: (_, messages, bytes) => metrics.sent(messages.length, bytes),
    onExpired: (_, message) => requests.onExpired(message.id),
    onClosed: (binding, messages) => end(binding, 'closed', messages),
  });
  const onFrames = createHubInbox({
    clock,
    logger,
    metrics,
    events,
    keys: config.keys,
    bindings,
    cut,
    requests,
    dispatch,
    admitted: () => admitted,
    mintId,
    bind,
    greet,
    ping,
  });
  const port = createHubPort(deps, {
    keys: config.keys,
    domain: DOMAIN,
    admits: (key) => admitted.has(key as PublicKey),
    maxMessageBytes: maxFrameBytes,
    onFrames,
  });

  function bind(peer: Peer, routingId: Uint8Array): Binding {
    const connection = createConnection({
      name: peer.name,
      ...(config.queue && { limits: config.queue }),
      send: (frame) => port.send(routingId, frame),
      bootMs,
      metrics,
      term: () => term,
      onQueued: () => pump.wake(binding),
    });
    const sessionId = Buffer.from(deps.random.bytes(12)).toString('base64url');
    const identity = { peer, routingId, key: toRoutingKey(routingId), sessionId };
    const binding: Binding = Object.assign(connection, identity);
    for (const older of bindings.add(binding)) end(older, 'replaced');
    logger.info({ node: peer.name, role: peer.role, incarnation: peer.incarnation }, 'peer bound');
    return binding;
  }

  function end(
    binding: Binding,
    how: 'closed' | 'revoked' | 'replaced',
    unsent: readonly QueuedMessage[] = [],
  ): void {
    const wasBound = bindings.remove(binding);
    pump.remove(binding);
    requests.onGone(binding, [...unsent, ...binding.queue.drain()]);
    if (how === 'closed' && !wasBound) return;
    metrics.ended(how);
    logger.info({ node: binding.peer.name, role: binding.peer.role, how }, 'connection ended');
    if (how === 'closed') events.onClosed(binding.peer);
  }

  function greet(
    to: Uint8Array,
    message: { readonly kind: string; readonly correlationId?: string; readonly body: unknown },
  ): void {
    const head = { to: '', term, sentAtMs: bootMs() };
    // Lost with its connection, which then greets again; a full one is asked again by its next frame.
    void port.send(to, encodeGreeting(head, { id: mintId(), ...message }));
  }

  /** Past the queue: there is nothing to keep in order with, and no use in it for a peer that is full. */
  function ping(binding: Binding): void {
    const row = encodeMessage({ id: mintId(), kind: WirePing.kind, bodyJson: '{}' });
    const frame = encodeBatch(binding.head(), [row]);
    void port.send(binding.routingId, frame).then((outcome) => {
      if (outcome === 'sent') metrics.sent(1, frame.length);
      else if (outcome === 'closed') end(binding, 'closed');
    });
  }

  async function tick(): Promise<void> {
    const { signal } = stopping;
    for await (const nowMs of clock.ticks(TICK_MS, signal)) {
      const quietSinceMs = bootMs() - PING_AFTER_MS;
      for (const binding of bindings.all()) if (binding.sentAtMs <= quietSinceMs) ping(binding);
      if (!cut.isDefied(nowMs)) continue;
      logger.warn({}, 'a revoked peer goes on sending: the control port is closed and bound again');
      cut.clear();
      metrics.rebound();
      await port.rebind(signal);
    }
  }

  function deliver(to: NodeName, role: PeerRole, message: QueuedMessage): SendOutcome {
    return bindings.byName(to, role)?.enqueue(message) ?? 'unbound';
  }

  return {
    name: 'hub',
    onMessage: dispatch.onMessage,
    onRequest: dispatch.onRequest,
    async start() {
      await port.open(config.hosts, config.port);
      ticking = tick();
    },
    async stop(signal) {
      while (!pump.isIdle && !signal.aborted && !stopping.signal.aborted) {
        await clock.sleep(5, signal).catch(() => {});
      }
      stopping.abort();
      await ticking;
      pump.stop();
      requests.stop();
      port.close({ lingerMs: STOP_LINGER_MS });
    },
    send<M extends MessageKind>(
      to: NodeName,
      kind: M,
      body: unknown,
      options: { readonly role?: PeerRole } = {},
    ) {
      const message = { id: mintId(), kind: kind.kind, bodyJson: JSON.stringify(body) };
      return deliver(to, options.role ?? 'node', message);
    },
    sendLatest<M extends MessageKind>(
      to: NodeName,
      kind: M,
      body: unknown,
      options: { readonly role?: PeerRole } = {},
    ) {
      const message = {
        id: mintId(),
        kind: kind.kind,
        bodyJson: JSON.stringify(body),
        latest: true,
      } as const;
      return deliver(to, options.role ?? 'node', message);
    },
    request(to, kind, body, options) {
      const binding = bindings.byName(to, 'node');
      if (binding !== undefined) return requests.request(binding, kind, body, options);
      return refusedOutcome(
        'MESH_NODE_UNAVAILABLE',
        `${to} is not connected; ${kind.kind} was not sent`,
      );
    },
    async admit(keys) {
      admitted = new Map(keys);
      cut.pardon((key) => admitted.has(key as PublicKey));
      for (const binding of bindings.all()) {
        const { name, publicKey } = binding.peer;
        if (admitted.get(publicKey) === name) continue;
        // A peer with manners leaves by itself when it hears this; any other is cut.
        const dismissal = new MeshError(
          'MESH_HELLO_REFUSED',
          `the key of ${name} is not accepted any more`,
        );
        greet(binding.routingId, { kind: WireError.kind, body: dismissal.toBody() });
        cut.add(binding.key, publicKey, clock.monotonic());
        end(binding, 'revoked');
        dispatch.forget(name);
      }
    },
    setTerm(next) {
      term = next;
    },
    isBound: (name, role = 'node') => bindings.byName(name, role) !== undefined,
    listen: (hosts) => port.listen(hosts),
    get port() {
      return port.port;
    },
  };
}
