import {
  AgentCall,
  NodeCalledDead,
  NodePing,
  RouteCall,
  type Hello,
  type Hub,
  type NodeName,
  type Peer,
  type PeerRole,
} from '@meshwork/shared';
import { createFakeClock } from '@meshwork/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import type { EventBody } from '../../../src/core/new-event.ts';
import type { MeshState } from '../../../src/core/mesh-state.ts';
import { createControl } from '../../../src/services/control.ts';
import { createLiveNodes } from '../../../src/services/live-nodes.ts';
import { answered, createFakeHub } from '../../fixtures/fake-hub.ts';
import { silent } from '../../fixtures/make-keeper.ts';
import { makeFacts, makeInstanceReport, makeReport } from '../../fixtures/make-report.ts';
import {
  instanceId,
  makeNode,
  mesh,
  meshWith,
  nodeName,
  publicKey,
  withFleet,
} from '../../fixtures/make-state.ts';

const n1 = nodeName('n1');
const placed: MeshState = withFleet(
  meshWith('n1', makeNode('out', { admission: 'revoked' })),
  'home',
  {
    a: { placement: { node: 'n1' } },
  },
);
const a = placed.instances.get(instanceId('a.0'))!;
const nothing = { inc() {}, set() {}, remove() {}, observe() {} };

let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

async function start() {
  const clock = createFakeClock();
  const hub = createFakeHub();
  const events: EventBody[] = [];
  const raised: number[] = [];
  const forgotten: NodeName[] = [];
  const calls: unknown[] = [];
  const control = createControl({
    keeper: { state: placed, term: 5, raiseTerm: async (above) => void raised.push(above) },
    live: () => live,
    assigner: () => ({
      name: 'assigner',
      async start() {},
      async stop() {},
      touch() {},
      forget: (name) => void forgotten.push(name),
      isCurrent: () => false,
    }),
    orders: () => ({ onReport() {} }),
    calls: () => ({
      async call(ask) {
        calls.push(ask);
        return [
          {
            agent: a.agent,
            instance: a.instance,
            node: n1,
            status: 'answered',
            result: { ok: 1 },
            durationMs: 2,
          },
        ];
      },
    }),
    hub,
    recorder: { record: (_, ...bodies) => void events.push(...bodies) },
    metrics: {
      eventsLost: nothing,
      missedSeconds: nothing,
      transitions: nothing,
      assignments: nothing,
      calls: nothing,
      heartbeatLag: nothing,
    },
    logger: silent,
    onMissed() {},
  });
  const live = createLiveNodes({
    clock,
    logger: silent,
    policy: {
      suspectAfter: 1_000,
      deadAfter: 2_000,
      rejoinGrace: 15_000,
      startGrace: 15_000,
      notActingAfter: 5_000,
    },
    events: control.liveEvents,
  });
  live.follow([n1]);
  const { signal } = new AbortController();
  await live.start(signal);
  stop = () => live.stop(signal);

  /** Requests as the hub would hand them over. */
  const handlers = new Map<string, (peer: Peer, body: unknown, received: unknown) => unknown>();
  const table = {
    onMessage: (kind: { kind: string }, handle: never) => handlers.set(kind.kind, handle),
    onRequest: (kind: { kind: string }, handle: never) => handlers.set(kind.kind, handle),
  };
  control.attach(table as unknown as Hub);
  const ask = async (kind: string, peer: Peer, body: unknown) =>
    handlers.get(kind)?.(peer, body, { id: 'r1', term: 5, remainingMs: 700 });
  return { clock, hub, control, live, events, raised, forgotten, calls, ask };
}

const peer = (name = 'n1', role: PeerRole = 'node', incarnation = 1): Peer => ({
  name: nodeName(name),
  role,
  incarnation,
  publicKey: publicKey(name),
});

const hello = (about: unknown, role: PeerRole = 'node'): Hello => ({
  node: n1,
  role,
  incarnation: 1,
  publicKey: publicKey('n1'),
  proof: '0'.repeat(64),
  protocol: { min: 1, max: 1 },
  release: '0.0.0',
  about,
});

describe('a hello', () => {
  it('of an accepted node is welcomed, with mesh and term', async () => {
    const { control, forgotten } = await start();
    expect(control.hubEvents.onHello(peer(), hello(makeFacts({ mesh, highestTerm: 4 })))).toEqual({
      accept: true,
      welcome: { mesh, term: 5, calledDead: false },
    });
    expect(forgotten).toEqual(['n1']);
  });

  it('is refused to a revoked node, another key, a bridge, and one whose facts cannot be read', async () => {
    const { control } = await start();
    const judge = (from: Peer, said: Hello): boolean =>
      control.hubEvents.onHello(from, said).accept;
    expect(judge(peer('out'), hello(makeFacts()))).toBe(false);
    expect(judge({ ...peer(), publicKey: publicKey('thief') }, hello(makeFacts()))).toBe(false);
    expect(judge(peer('n1', 'bridge'), hello({}, 'bridge'))).toBe(false);
    expect(judge(peer(), hello({ host: 1 }))).toBe(false);
  });

  it('that knows a term not below ours makes us reign above it, once it cannot be our own', async () => {
    const { control, raised } = await start();
    const say = (highestTerm: number) =>
      control.hubEvents.onHello(peer(), hello(makeFacts({ mesh, highestTerm })));
    say(5);
    expect(raised).toEqual([5]);
    // From here on the node knows our term from us.
    say(5);
    expect(raised).toEqual([5]);
    say(9);
    expect(raised).toEqual([5, 9]);
  });

  it('with a term that no reign can have is refused', async () => {
    const { control, raised } = await start();
    const absurd = hello(makeFacts({ mesh, highestTerm: Number.MAX_SAFE_INTEGER }));
    expect(control.hubEvents.onHello(peer(), absurd).accept).toBe(false);
    expect(raised).toEqual([]);
  });

  it('of an incarnation that was called dead is told so', async () => {
    const { clock, control, hub } = await start();
    control.hubEvents.onHello(peer(), hello(makeFacts()));
    await clock.advance(2_500);
    expect(control.hubEvents.onHello(peer(), hello(makeFacts()))).toMatchObject({
      welcome: { calledDead: true },
    });
    hub.bound.add('n1');
    control.liveEvents.tellCalledDead(n1, 1);
    expect(hub.of(NodeCalledDead.kind)).toMatchObject([{ to: 'n1', body: { incarnation: 1 } }]);
  });
});

describe('a suspect node', () => {
  it('is asked at once, and is alive again when it answers', async () => {
    const { clock, control, hub, live, events } = await start();
    hub.onAsk(NodePing.kind, () => answered({ instances: [] }));
    control.hubEvents.onHello(peer(), hello(makeFacts()));
    await clock.advance(1_300);
    expect(hub.asked.map(({ kind }) => kind)).toEqual([NodePing.kind]);
    expect(live.nodes.get(n1)?.member.status).toBe('alive');
    const states = events.map((event) => (event.kind === 'node.state' ? event.after : event.kind));
    expect(states).toEqual(['alive', 'suspect', 'alive']);
  });

  it('is rejoining when the probe finds its connection closed', async () => {
    const { clock, control, hub, live } = await start();
    hub.onAsk(NodePing.kind, () => {
      control.hubEvents.onClosed(peer());
      return { status: 'refused', error: { code: 'MESH_PEER_GONE', message: 'closed' } };
    });
    control.hubEvents.onHello(peer(), hello(makeFacts()));
    await clock.advance(3_000);
    expect(live.nodes.get(n1)?.member.status).toBe('rejoining');
  });
});

describe('a report', () => {
  it('makes an event of each change, and none of what was there at the first look', async () => {
    const { control, live, events } = await start();
    control.hubEvents.onHello(peer(), hello(makeFacts()));
    events.length = 0;
    live.report(peer(), makeReport([makeInstanceReport(a, { state: 'starting' })]));
    live.report(peer(), makeReport([makeInstanceReport(a, { state: 'ready' })]));
    live.report(peer(), makeReport([makeInstanceReport(a, { state: 'ready' })]));
    expect(events).toEqual([
      {
        kind: 'agent.state',
        agent: 'a',
        instance: 'a.0',
        node: 'n1',
        before: 'starting',
        after: 'ready',
      },
    ]);
  });
});

describe('a call from an agent', () => {
  const body = { target: 'lib', action: 'find', args: { q: 1 }, caller: 'a.0' };

  it('is routed with the time that it has left', async () => {
    const { ask, calls } = await start();
    expect(await ask(RouteCall.kind, peer(), body)).toEqual({
      instance: 'a.0',
      node: 'n1',
      result: { ok: 1 },
      durationMs: 2,
    });
    expect(calls).toMatchObject([{ target: 'lib', any: true, timeoutMs: 700, caller: 'a.0' }]);
  });

  it('is refused in the name of an instance that is not on that node', async () => {
    const { ask, calls } = await start();
    await expect(ask(RouteCall.kind, peer(), { ...body, caller: 'b.0' })).rejects.toMatchObject({
      code: 'MESH_AUTH_REFUSED',
    });
    await expect(ask(RouteCall.kind, peer('out'), body)).rejects.toMatchObject({
      code: 'MESH_AUTH_REFUSED',
    });
    expect(calls).toEqual([]);
    expect(AgentCall.kind).toBe('agent.call');
  });
});
