import {
  Hello,
  HelloWanted,
  MeshError,
  Welcome,
  WireError,
  decodeMessage,
  type Batch,
  type Clock,
  type Envelope,
  type HubEvents,
  type KeyPair,
  type Logger,
  type NodeName,
  type Peer,
  type PublicKey,
} from '@meshwork/shared';
import type { Binding, Bindings } from './bindings.ts';
import type { CutPeers } from './cut-peers.ts';
import type { Dispatch } from './dispatch.ts';
import { asBuffer, readBatch, readGreeting } from './frames.ts';
import { judgeHello } from './judge-hello.ts';
import type { Requests } from './requests.ts';
import { createTokenBucket } from './token-bucket.ts';
import type { WireMetrics } from './wire-metrics.ts';

/** What the inbox of a hub works with. */
export interface HubInboxDeps {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
  readonly metrics: WireMetrics;
  readonly events: HubEvents;
  readonly keys: KeyPair;
  readonly bindings: Bindings;
  readonly cut: CutPeers;
  readonly requests: Requests<Binding>;
  readonly dispatch: Dispatch<Peer>;
  admitted(): ReadonlyMap<PublicKey, NodeName>;
  mintId(): string;
  /** Binds this peer to this connection, ending what it replaces. */
  bind(peer: Peer, routingId: Uint8Array): Binding;
  /** Sends a message to a connection, bound or not. */
  greet(
    to: Uint8Array,
    message: { readonly kind: string; readonly correlationId?: string; readonly body: unknown },
  ): void;
  /** Acknowledges a heartbeat. */
  ping(binding: Binding): void;
}

/** `hello?` answers a second: enough for a fleet that comes back at once, too few to amplify anything. */
const HELLO_WANTED_PER_SECOND = 500;

/**
 * Everything that arrives at a hub.
 *
 * A frame counts only on a connection whose hello was proven, and only with the session which that hello was given:
 * whoever takes over a routing id lacks it. Who sent a message is said by the binding, by nothing in the frame.
 */
export function createHubInbox(
  deps: HubInboxDeps,
): (from: Uint8Array, frames: readonly Uint8Array[]) => void {
  const { clock, logger, metrics, bindings, cut } = deps;
  const wanted = createTokenBucket({
    perSecond: HELLO_WANTED_PER_SECOND,
    nowMs: clock.monotonic(),
  });

  function onFrames(from: Uint8Array, frames: readonly Uint8Array[]): void {
    const key = toRoutingKey(from);
    if (!cut.isEmpty && cut.discards(key, clock.monotonic())) return metrics.dropped('revoked');
    const batch = readBatch(frames);
    if (batch === undefined) return metrics.dropped('malformed');
    const hello = readGreeting(batch, Hello.kind);
    if (hello !== undefined) return onHello(from, hello, batch);
    const binding = bindings.byKey(key);
    if (binding === undefined || batch.session !== binding.sessionId) {
      metrics.dropped('unproven');
      if (wanted.take(clock.monotonic())) deps.greet(from, { kind: HelloWanted.kind, body: {} });
      return;
    }
    metrics.received(batch.messages.length, frames[0]?.length ?? 0);
    const ageMs = binding.ageOf(batch);
    for (const json of batch.messages) onMessage(binding, json, batch, ageMs);
    // Tells the node that the link works, and us at once when it does not.
    if (binding.peer.role === 'heartbeat') deps.ping(binding);
  }

  function onMessage(binding: Binding, json: unknown, batch: Batch, ageMs: number): void {
    const envelope = decodeMessage(json);
    if (envelope === undefined) return metrics.dropped('malformed');
    const { correlationId } = envelope;
    if (correlationId !== undefined)
      return deps.requests.onAnswer(binding, envelope, correlationId);
    const { peer } = binding;
    deps.dispatch.receive({
      from: peer,
      peer: peer.name,
      envelope,
      term: batch.term,
      ageMs,
      answer(id, { kind, bodyJson }) {
        const to = bindings.byName(peer.name, peer.role);
        if (to === undefined) return metrics.dropped('gone');
        to.answer({ id: deps.mintId(), kind, bodyJson, correlationId: id });
      },
    });
  }

  function onHello(from: Uint8Array, message: Envelope, batch: Batch): void {
    const refuse = (error: unknown): void =>
      deps.greet(from, { kind: WireError.kind, correlationId: message.id, body: error });
    const judgement = judgeHello(message.body, {
      routingId: from,
      keys: deps.keys,
      admitted: deps.admitted(),
      boundAs: (name, role) => bindings.byName(name, role)?.peer,
    });
    if (!judgement.ok) {
      const { outcome, error, publicKey } = judgement;
      metrics.hello(outcome);
      logger.warn({ code: error.code, reason: error.message, outcome }, 'hello refused');
      // Its key was taken off while it was connected: told once, and cut if it does not stop.
      if (outcome === 'unknownKey') cut.add(toRoutingKey(from), publicKey, clock.monotonic());
      return refuse(error);
    }
    const { hello, peer, protocol } = judgement;
    const verdict = askVerdict(peer, hello);
    if (!verdict.accept) {
      metrics.hello('refused');
      return refuse(verdict.error);
    }
    metrics.hello('accepted');
    const binding = deps.bind(peer, from);
    binding.ageOf(batch);
    const welcome = { ...verdict.welcome, protocol, session: binding.sessionId };
    deps.greet(from, { kind: Welcome.kind, correlationId: message.id, body: welcome });
    deps.events.onBound?.(peer);
  }

  function askVerdict(peer: Peer, hello: Hello): ReturnType<HubEvents['onHello']> {
    try {
      return deps.events.onHello(peer, hello);
    } catch (error) {
      logger.error({ node: peer.name, err: error }, 'judging a hello failed');
      const refusal = new MeshError(
        'MESH_INTERNAL',
        `the main node failed to judge the hello of ${peer.name}`,
      );
      return { accept: false, error: refusal.toBody() };
    }
  }

  return onFrames;
}

/** A routing id as map key. */
export function toRoutingKey(routingId: Uint8Array): string {
  return asBuffer(routingId).toString('latin1');
}
