import {
  Hello,
  HelloWanted,
  Welcome,
  WireError,
  WirePing,
  decodeMessage,
  fromErrorBody,
  protocolRange,
  type Batch,
  type Clock,
  type CloseReason,
  type Envelope,
  type ErrorBody,
  type FrameOutcome,
  type OutgoingFrame,
  type Transport,
} from '@meshwork/shared';
import { encodeGreeting, maxFrameBytes, readBatch } from './frames.ts';
import { proveHello } from './keys.ts';
import type { UplinkConfig } from './uplink.ts';
import type { WireMetrics } from './wire-metrics.ts';

/** How one connection, or one attempt at it, ended. */
export interface AttemptEnd {
  readonly reason: CloseReason | 'silent' | 'unanswered' | 'helloRefused' | 'stopped';
  readonly wasBound: boolean;
  /** What the main node said when it refused. */
  readonly error?: ErrorBody;
}

/** One connection, from dialling to its end. */
export interface Attempt {
  readonly ended: Promise<AttemptEnd>;
  send(frame: OutgoingFrame): Promise<FrameOutcome>;
  /** Says hello (again) once the connection is open. */
  sayHello(): void;
  close(reason: AttemptEnd['reason'], options?: { readonly lingerMs: number }): void;
}

/** What an attempt works with. */
export interface AttemptDeps {
  readonly transport: Transport;
  readonly clock: Pick<Clock, 'monotonic' | 'ticks'>;
  readonly metrics: WireMetrics;
  bootMs(): number;
  mintId(): string;
}

/** Whom to dial as whom, and who is told what. */
export interface AttemptOptions {
  readonly config: UplinkConfig;
  readonly endpoint: string;
  readonly routingId: Uint8Array;
  incarnation(): number;
  onWelcome(welcome: Welcome, batch: Batch): void;
  /** The hub does not know this connection (any more). */
  onUnknown(): void;
  /** One message of a batch that arrived after a welcome. */
  onMessage(envelope: Envelope, batch: Batch, ageMs: number): void;
  ageOf(batch: Batch): number;
}

const OPEN_WITHIN_MS = 4_000;
const WELCOME_WITHIN_MS = 2_000;
const HELLO_TRIES = 3;

/** ZMTP's own heartbeat notices a dead peer in 1.5 s; this is for one whose loop hangs. */
const SILENT_AFTER_MS = 10_000;
const WATCH_EVERY_MS = 250;

/** Dials once and keeps the connection greeted until it ends. Never rejects. */
export function dialOnce(deps: AttemptDeps, options: AttemptOptions): Attempt {
  const { clock, metrics } = deps;
  const { config } = options;
  const watching = new AbortController();
  const { promise: ended, resolve } = Promise.withResolvers<AttemptEnd>();
  let isOpen = false;
  let wasBound = false;
  let isBound = false;
  let helloId = '';
  let hellos = 0;
  /** When the connection was dialled, greeted or heard last: what the watch measures from. */
  let sinceMs = clock.monotonic();

  const socket = deps.transport.dial({
    endpoint: options.endpoint,
    keys: config.keys,
    serverKey: config.serverKey,
    routingId: options.routingId,
    maxMessageBytes: maxFrameBytes,
    onOpen() {
      isOpen = true;
      sayHello();
    },
    onFrames,
    onClosed: (reason) => finish(reason),
  });

  function finish(reason: AttemptEnd['reason'], error?: ErrorBody): void {
    watching.abort();
    resolve({ reason, wasBound, ...(error && { error }) });
  }

  function close(reason: AttemptEnd['reason'], closeOptions?: { readonly lingerMs: number }): void {
    socket.close(closeOptions);
    finish(reason);
  }

  function sayHello(): void {
    if (!isOpen) return;
    const { keys, serverKey, node, role, release } = config;
    const incarnation = options.incarnation();
    const claim = {
      routingId: Buffer.from(options.routingId).toString('hex'),
      node,
      role,
      incarnation,
      publicKey: keys.publicKey,
      serverKey,
    };
    const body = {
      node,
      role,
      incarnation,
      publicKey: keys.publicKey,
      proof: proveHello(keys.secretKey, claim),
      protocol: protocolRange,
      release,
      about: config.about(),
    };
    helloId = deps.mintId();
    hellos += 1;
    sinceMs = clock.monotonic();
    const head = { to: 'hub', term: 0, sentAtMs: deps.bootMs() };
    // If it cannot leave now, the watch says it again.
    void socket.send(encodeGreeting(head, { id: helloId, kind: Hello.kind, body }));
  }

  function onFrames(frames: readonly Uint8Array[]): void {
    const batch = readBatch(frames);
    if (batch === undefined) return metrics.dropped('malformed');
    if (isBound) sinceMs = clock.monotonic();
    metrics.received(batch.messages.length, frames[0]?.length ?? 0);
    const ageMs = isBound ? options.ageOf(batch) : 0;
    for (const json of batch.messages) {
      const envelope = decodeMessage(json);
      if (envelope === undefined) metrics.dropped('malformed');
      else onEnvelope(envelope, batch, ageMs);
    }
  }

  function onEnvelope(envelope: Envelope, batch: Batch, ageMs: number): void {
    const { kind, correlationId } = envelope;
    if (kind === WirePing.kind) return;
    if (kind === HelloWanted.kind) {
      // A hello is under way already: this answers what was sent before it.
      if (!isBound) return;
      isBound = false;
      hellos = 0;
      options.onUnknown();
      return sayHello();
    }
    const isAboutUs =
      correlationId === undefined ? kind === WireError.kind : correlationId === helloId;
    if (isAboutUs) return onHelloAnswer(envelope, batch);
    if (isBound) options.onMessage(envelope, batch, ageMs);
    else metrics.dropped('unproven');
  }

  function onHelloAnswer(envelope: Envelope, batch: Batch): void {
    helloId = '';
    if (envelope.kind === WireError.kind) {
      const error = WireError.body.safeParse(envelope.body);
      socket.close();
      return finish('helloRefused', error.success ? fromErrorBody(error.data).toBody() : undefined);
    }
    const welcome = Welcome.body.safeParse(envelope.body);
    if (envelope.kind !== Welcome.kind || !welcome.success) {
      metrics.dropped('invalidBody');
      return close('unanswered');
    }
    isBound = true;
    wasBound = true;
    sinceMs = clock.monotonic();
    options.onWelcome(welcome.data, batch);
  }

  async function watch(): Promise<void> {
    for await (const nowMs of clock.ticks(WATCH_EVERY_MS, watching.signal)) {
      const quietMs = nowMs - sinceMs;
      if (!isOpen && quietMs >= OPEN_WITHIN_MS) return close('timeout');
      if (isBound && quietMs >= SILENT_AFTER_MS) return close('silent');
      if (!isOpen || isBound || quietMs < WELCOME_WITHIN_MS) continue;
      if (hellos >= HELLO_TRIES) return close('unanswered');
      sayHello();
    }
  }

  // Ends with the attempt and cannot fail but by a bug, which must surface.
  void watch();
  return { ended, send: (frame) => socket.send(frame), sayHello, close };
}
