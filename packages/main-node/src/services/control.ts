import {
  MeshError,
  NodeCalledDead,
  NodeFacts,
  NodeHeartbeat,
  NodeLeft,
  NodePing,
  NodeReport,
  RouteCall,
  type Actor,
  type AgentName,
  type Hello,
  type HelloVerdict,
  type Hub,
  type HubEvents,
  type InstanceReport,
  type Logger,
  type NodeName,
  type Peer,
} from '@meshwork/shared';
import { byInstance } from '../core/assignments.ts';
import type { LiveNode } from '../core/live.ts';
import type { MeshState } from '../core/mesh-state.ts';
import { mainNodeActor, type EventBody } from '../core/new-event.ts';
import type { MainMetrics } from '../metrics.ts';
import type { AgentOrders } from './agent-orders.ts';
import type { Assigner } from './assigner.ts';
import { unwrapResult, type CallRouter } from './call-router.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { LiveNodes, LiveNodesEvents } from './live-nodes.ts';
import type { StateKeeper } from './state-keeper.ts';

/** A hello may name a term so far above ours; more is no number of any reign. */
const maxTermJump = 1_000_000;
const probeMs = 1_000;

/** What the hub tells the main node, brought to whom it concerns. */
export interface Control {
  readonly hubEvents: HubEvents;
  readonly liveEvents: LiveNodesEvents;
  /** Takes over the hub's messages and requests; before it starts. */
  attach(hub: Hub): void;
}

/** Connects hub, membership, assigner, calls and events; decides nothing itself. */
export function createControl(deps: {
  readonly keeper: Pick<StateKeeper, 'state' | 'term' | 'raiseTerm'>;
  readonly live: () => LiveNodes;
  readonly assigner: () => Assigner;
  readonly calls: () => CallRouter;
  readonly orders: () => Pick<AgentOrders, 'onReport'>;
  readonly hub: Pick<Hub, 'send' | 'request' | 'sendLatest'>;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly metrics: MainMetrics;
  readonly logger: Logger;
  readonly onMissed: (missedMs: number) => void;
}): Control {
  const { keeper, hub, recorder, logger, metrics } = deps;
  /** Nodes that were told our term; what they report from then on may be ours. */
  const welcomed = new Set<NodeName>();

  function judge(peer: Peer, hello: Hello): HelloVerdict {
    const record = keeper.state.nodes.get(peer.name);
    if (record?.admission !== 'accepted' || record.publicKey !== peer.publicKey) {
      return refuse(`${peer.name} is not accepted with this key`);
    }
    if (peer.role === 'bridge') return refuse('this main node takes no bridges');
    const facts = peer.role === 'node' ? NodeFacts.safeParse(hello.about) : undefined;
    if (facts?.success === false)
      return refuse(`what ${peer.name} says of itself cannot be read: ${facts.error.message}`);
    if (facts !== undefined) {
      const { highestTerm, mesh } = facts.data;
      const isOurMesh = mesh === keeper.state.mesh;
      if (isOurMesh && highestTerm > keeper.term + maxTermJump)
        return refuse(`${peer.name} names the term ${highestTerm}, which no reign can have`);
      const isAbove =
        highestTerm > keeper.term || (highestTerm === keeper.term && !welcomed.has(peer.name));
      if (isAbove) raise(peer.name, highestTerm);
    }
    welcomed.add(peer.name);
    const about = { facts: facts?.data, release: hello.release };
    const { isCalledDead } = deps.live().hello(peer, about);
    if (peer.role === 'node') deps.assigner().forget(peer.name);
    const { mesh } = keeper.state;
    return { accept: true, welcome: { mesh, term: keeper.term, calledDead: isCalledDead } };
  }

  /** Somebody reigned above us, or under our number: the database is older than this node. */
  function raise(node: NodeName, above: number): void {
    logger.warn(
      { node, reported: above, term: keeper.term },
      'node knows a term that is not below ours',
    );
    keeper
      .raiseTerm(above)
      .catch((error: unknown) => logger.error({ err: error }, 'term could not be raised'));
  }

  function recordReport(node: LiveNode, before: NodeReport | undefined): void {
    if (before === undefined || node.report === undefined) return;
    const old = byInstance(before.instances);
    const bodies = node.report.instances.flatMap((now) =>
      toStateEvent(node.name, old.get(now.instance), now),
    );
    if (bodies.length > 0) recorder.record(nodeActor(node.name), ...bodies);
  }

  return {
    hubEvents: {
      onHello: judge,
      onClosed: (peer) => deps.live().closed(peer),
    },
    liveEvents: {
      onTransition(after, before, reason) {
        const [from, to] = [before.member.status, after.member.status];
        const level = to === 'dead' || to === 'not acting' ? 'warn' : 'info';
        logger[level]({ node: after.name, before: from, after: to, reason }, 'node changed state');
        metrics.transitions.inc({ node: after.name, state: to });
        recorder.record(mainNodeActor, {
          kind: 'node.state',
          node: after.name,
          before: from,
          after: to,
          ...(reason === undefined ? {} : { reason }),
        });
        deps.assigner().touch();
      },
      onReport(node, before) {
        recordReport(node, before);
        deps.orders().onReport(node);
        deps.assigner().touch();
      },
      probe(name) {
        // The answer counts as heard; a closed connection shows in the failed send.
        const incarnation = incarnationOf(deps.live().nodes.get(name));
        hub.request(name, NodePing, { instances: [] }, { timeoutMs: probeMs }).then(
          ({ status }) => {
            if (status === 'answered' && incarnation !== undefined)
              deps.live().heard(name, incarnation);
          },
          (error: unknown) => logger.debug({ node: name, err: error }, 'probe failed'),
        );
      },
      tellCalledDead: (name, incarnation) => {
        hub.sendLatest(name, NodeCalledDead, { incarnation });
      },
      onMissed(missedMs) {
        metrics.missedSeconds.inc({}, missedMs / 1_000);
        deps.onMissed(missedMs);
      },
    },
    attach(bound) {
      bound.onMessage(NodeHeartbeat, (peer, body) => {
        metrics.heartbeatLag.set(body.loopLagMs / 1_000, { node: peer.name });
        deps.live().heartbeat(peer, body);
      });
      bound.onMessage(NodeReport, (peer, body) => deps.live().report(peer, body));
      bound.onMessage(NodeLeft, (peer) => deps.live().left(peer));
      bound.onRequest(RouteCall, async (peer, body, received) => {
        refuseStranger(keeper.state, deps.live().nodes.get(peer.name), peer, body.caller);
        const [result] = await deps.calls().call({
          target: body.target,
          action: body.action,
          args: body.args,
          any: true,
          timeoutMs: received.remainingMs ?? 5_000,
          caller: body.caller,
          ...(received.trace === undefined ? {} : { trace: received.trace }),
        });
        const answered = unwrapResult(result, body.target);
        return { ...answered, durationMs: result?.durationMs ?? 0 };
      });
    },
  };
}

/** A node speaks for the instances that have their place there, and for those that it keeps unclaimed. */
function refuseStranger(
  state: MeshState,
  node: LiveNode | undefined,
  peer: Peer,
  caller: InstanceReport['instance'],
): void {
  if (state.instances.get(caller)?.node === peer.name || node?.instances?.has(caller) === true)
    return;
  throw new MeshError(
    'MESH_AUTH_REFUSED',
    `${peer.name} calls as ${caller}, which has no place there`,
    { details: { node: peer.name, caller } },
  );
}

function toStateEvent(
  node: NodeName,
  before: InstanceReport | undefined,
  now: InstanceReport,
): EventBody[] {
  if (before?.state === now.state && before.epoch === now.epoch) return [];
  return [
    {
      kind: 'agent.state',
      agent: now.agent satisfies AgentName,
      instance: now.instance,
      node,
      ...(before === undefined ? {} : { before: before.state }),
      after: now.state,
      ...(now.reason === undefined ? {} : { reason: now.reason }),
    },
  ];
}

function incarnationOf(node: LiveNode | undefined): number | undefined {
  return node !== undefined && 'incarnation' in node.member ? node.member.incarnation : undefined;
}

function nodeActor(name: NodeName): Actor {
  return { kind: 'node', name };
}

function refuse(message: string): HelloVerdict {
  return { accept: false, error: new MeshError('MESH_HELLO_REFUSED', message).toBody() };
}
