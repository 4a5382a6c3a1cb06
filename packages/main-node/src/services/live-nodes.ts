import {
  toMeshError,
  type Clock,
  type Component,
  type Incarnation,
  type Logger,
  type NodeFacts,
  type NodeHeartbeat,
  type NodeName,
  type NodeReport,
  type Peer,
} from '@meshwork/shared';
import { byInstance } from '../core/assignments.ts';
import type { LiveNode } from '../core/live.ts';
import {
  newMember,
  stepMember,
  toNodeState,
  type MemberEffect,
  type MemberEvent,
  type MemberPolicy,
} from '../core/membership.ts';
import {
  readObserved,
  startObserving,
  stepObserved,
  type ObservedTime,
} from '../core/observed-time.ts';

/** How often silence is looked at, ms. */
const tickMs = 100;
/** Of the time between two looks so much counts at most, ms. */
const maxStepMs = 2 * tickMs;

/** What others want to know at once. Called synchronously, in the order of what happened. */
export interface LiveNodesEvents {
  /** The state of a node changed. */
  onTransition(after: LiveNode, before: LiveNode, reason: string | undefined): void;
  /** A report came; `before` is the one it replaces, absent after a (re)start of the node or of ours. */
  onReport(node: LiveNode, before: NodeReport | undefined): void;
  /** Ask the node something now: a closed connection shows at once. */
  probe(name: NodeName): void;
  tellCalledDead(name: NodeName, incarnation: Incarnation): void;
  /** So much time passed unobserved, ms. */
  onMissed(missedMs: number): void;
}

/** What was heard of every accepted node. */
export interface LiveNodes extends Component {
  readonly nodes: ReadonlyMap<NodeName, LiveNode>;
  /** Follows these nodes and no others. New ones begin as `unknown`. */
  follow(names: readonly NodeName[]): void;
  /** Takes in a proven hello; says whether this incarnation was called dead. */
  hello(
    peer: Peer,
    about: { readonly facts: NodeFacts | undefined; readonly release: string },
  ): { readonly isCalledDead: boolean };
  heartbeat(peer: Peer, heartbeat: NodeHeartbeat): void;
  report(peer: Peer, report: NodeReport): void;
  left(peer: Peer): void;
  closed(peer: Peer): void;
  /** Any other sign of life over the node's own connection. */
  heard(name: NodeName, incarnation: Incarnation): void;
}

/** Owns the map of nodes, their tick and their observed time; `stepMember` decides. */
export function createLiveNodes(deps: {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: MemberPolicy;
  readonly events: LiveNodesEvents;
}): LiveNodes {
  const { clock, logger, policy, events } = deps;
  const nodes = new Map<NodeName, LiveNode>();
  const stopping = new AbortController();
  let time: ObservedTime = startObserving(clock.monotonic());
  let ticking: Promise<void> = Promise.resolve();

  const observedMs = (): number => readObserved(time, clock.monotonic(), maxStepMs);

  function step(name: NodeName, event: MemberEvent): readonly MemberEffect[] {
    const before = nodes.get(name);
    if (before === undefined) return [];
    const { member, effects, ignored } = stepMember(before.member, event, observedMs(), policy);
    if (ignored !== undefined)
      logger.debug({ node: name, event: event.type, ignored }, 'membership event ignored');
    if (member === before.member) return effects;
    const after = { ...before, member };
    nodes.set(name, after);
    if (toNodeState(member) !== toNodeState(before.member)) {
      events.onTransition(after, before, event.type === 'tick' ? 'silence' : event.type);
    }
    return effects;
  }

  function carryOut(name: NodeName, effects: readonly MemberEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'probe') events.probe(name);
      else events.tellCalledDead(name, effect.incarnation);
    }
  }

  function update(name: NodeName, change: Partial<LiveNode>): LiveNode | undefined {
    const before = nodes.get(name);
    if (before === undefined) return undefined;
    const after = { ...before, ...change };
    nodes.set(name, after);
    return after;
  }

  function sweep(): void {
    const stepped = stepObserved(time, clock.monotonic(), maxStepMs);
    time = stepped.time;
    if (stepped.missedMs > 0) events.onMissed(stepped.missedMs);
    for (const name of nodes.keys()) carryOut(name, step(name, { type: 'tick' }));
  }

  async function tick(): Promise<void> {
    for await (const _ of clock.ticks(tickMs, stopping.signal)) {
      try {
        sweep();
      } catch (thrown) {
        logger.error({ err: toMeshError(thrown) }, 'looking at nodes failed');
      }
    }
  }

  return {
    name: 'live nodes',
    nodes,
    follow(names) {
      for (const name of nodes.keys()) if (!names.includes(name)) nodes.delete(name);
      for (const name of names)
        if (!nodes.has(name)) nodes.set(name, { name, member: newMember(observedMs()) });
    },
    hello(peer, { facts, release }) {
      const { name, role, incarnation } = peer;
      // What an earlier connection reported says nothing about this one.
      if (role === 'node')
        update(name, {
          ...(facts === undefined ? {} : { facts }),
          release,
          heardAtMs: clock.monotonic(),
          report: undefined,
          differsSinceMs: undefined,
        });
      const effects = step(name, { type: 'hello', role, incarnation });
      return { isCalledDead: effects.some(({ type }) => type === 'tellCalledDead') };
    },
    heartbeat(peer, heartbeat) {
      const { incarnation, loopSilentMs } = heartbeat;
      const nowMs = clock.monotonic();
      const known = nodes.get(peer.name);
      const differs =
        known?.report !== undefined && known.report.digest !== heartbeat.instancesDigest;
      update(peer.name, {
        heartbeat,
        heardAtMs: nowMs,
        differsSinceMs: differs ? (known?.differsSinceMs ?? nowMs) : undefined,
      });
      carryOut(peer.name, step(peer.name, { type: 'heartbeat', incarnation, loopSilentMs }));
    },
    report(peer, report) {
      const known = nodes.get(peer.name);
      if (known === undefined || peer.role !== 'node') return;
      carryOut(peer.name, step(peer.name, { type: 'heard', incarnation: peer.incarnation }));
      const nowMs = clock.monotonic();
      const after = update(peer.name, {
        report,
        instances: byInstance(report.instances),
        reportedAtMs: nowMs,
        heardAtMs: nowMs,
        differsSinceMs: undefined,
      });
      if (after !== undefined) events.onReport(after, known.report);
    },
    left(peer) {
      carryOut(peer.name, step(peer.name, { type: 'left', incarnation: peer.incarnation }));
    },
    closed(peer) {
      const { name, role, incarnation } = peer;
      carryOut(name, step(name, { type: 'closed', role, incarnation }));
    },
    heard(name, incarnation) {
      update(name, { heardAtMs: clock.monotonic() });
      carryOut(name, step(name, { type: 'heard', incarnation }));
    },
    async start() {
      time = startObserving(clock.monotonic());
      ticking = tick();
    },
    async stop() {
      stopping.abort(new Error('live nodes is stopping'));
      await ticking;
    },
  };
}
