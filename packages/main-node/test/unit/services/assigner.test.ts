import {
  MeshId,
  NodeAssign,
  NodePeers,
  type InstanceReport,
  type NodeName,
  type NodeReport,
} from '@meshwork/shared';
import { createFakeClock } from '@meshwork/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { byInstance } from '../../../src/core/assignments.ts';
import type { LiveNode } from '../../../src/core/live.ts';
import type { MeshState } from '../../../src/core/mesh-state.ts';
import { orderAgent } from '../../../src/core/order-agent.ts';
import { createAssigner } from '../../../src/services/assigner.ts';
import { createFakeHub } from '../../fixtures/fake-hub.ts';
import { silent } from '../../fixtures/make-keeper.ts';
import {
  laterEpoch,
  makeFacts,
  makeInstanceReport,
  makeReport,
} from '../../fixtures/make-report.ts';
import { agentName, instanceId, meshWith, nodeName, withFleet } from '../../fixtures/make-state.ts';

const n1 = nodeName('n1');
const n2 = nodeName('n2');
const placed: MeshState = {
  ...withFleet(meshWith('n1', 'n2'), 'home', {
    a: { placement: { node: 'n1' }, start: { group: 'core' } },
    b: { placement: { node: 'n2' }, start: { dependsOn: ['core'] } },
  }),
  revision: 10,
  reigns: [
    { term: 3, fromRevision: 0 },
    { term: 5, fromRevision: 9 },
  ],
};
const a = placed.instances.get(instanceId('a.0'))!;

let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

/** A main node in term 5 with what it sent. */
async function start(state: MeshState = placed) {
  const clock = createFakeClock();
  const hub = createFakeHub();
  const nodes = new Map<NodeName, LiveNode>();
  const keeper = {
    state,
    term: 5,
    async bumpRevision() {
      keeper.state = { ...keeper.state, revision: keeper.state.revision + 1 };
    },
    async raiseTerm(above: number) {
      const reigns = keeper.state.reigns.filter((reign) => reign.term !== keeper.term);
      keeper.term = above + 1;
      const fromRevision = keeper.state.revision;
      keeper.state = {
        ...keeper.state,
        revision: fromRevision + 1,
        reigns: [...reigns, { term: keeper.term, fromRevision }],
      };
    },
  };
  const assigner = createAssigner({
    hub,
    keeper,
    live: { nodes },
    clock,
    logger: silent,
    sent: { inc() {} },
  });
  const { signal } = new AbortController();
  await assigner.start(signal);
  stop = () => assigner.stop(signal);

  async function report(name: NodeName, said: NodeReport): Promise<void> {
    hub.bound.add(name);
    nodes.set(name, {
      name,
      member: { status: 'alive', incarnation: 1, heardAtMs: 0 },
      facts: makeFacts({ address: `${name}.lan` }),
      report: said,
      instances: byInstance(said.instances),
      reportedAtMs: clock.monotonic(),
    });
    assigner.touch();
    await clock.advance(20);
  }
  const assigned = (name: NodeName) =>
    hub
      .of(NodeAssign.kind)
      .filter(({ to }) => to === name)
      .map(({ body }) => {
        const { term, revision, instances } = body as NodeAssign;
        return `${term}.${revision}: ${instances.map(({ instance }) => instance).join(' ')}`;
      });
  return { clock, hub, nodes, keeper, assigner, report, assigned };
}

const obeyed = (term: number, revision: number, ...instances: readonly InstanceReport[]) =>
  makeReport(instances, { term, revision });

describe('assigner', () => {
  it('sends a node nothing before it has said what it obeys', async () => {
    const { clock, hub, assigner } = await start();
    hub.bound.add('n1');
    assigner.touch();
    await clock.advance(5_000);
    expect(hub.sent).toEqual([]);
  });

  it('sends the complete assignment once, under the newest revision', async () => {
    const { clock, report, assigned } = await start();
    await report(n1, obeyed(3, 4));
    await clock.advance(5_000);
    expect(assigned(n1)).toEqual(['5.10: a.0']);
  });

  it('sends it again when the node has not taken it over after 10 s, and on a new connection', async () => {
    const { clock, report, assigned, assigner } = await start();
    await report(n1, obeyed(3, 4));
    await clock.advance(10_500);
    expect(assigned(n1)).toHaveLength(2);
    await report(n1, obeyed(5, 10));
    await clock.advance(30_000);
    expect(assigned(n1)).toHaveLength(2);
    assigner.forget(n1);
    await clock.advance(500);
    expect(assigned(n1)).toHaveLength(3);
  });

  it('sends a change only to the nodes that it concerns', async () => {
    const { keeper, report, assigned, assigner, clock } = await start();
    await report(n1, obeyed(3, 4));
    await report(n2, obeyed(3, 4));
    const stopped = orderAgent(keeper.state, { act: 'stop', agent: agentName('a') }, () => 'ready');
    keeper.state = { ...stopped.state, revision: 11 };
    assigner.touch();
    await clock.advance(20);
    expect(assigned(n1)).toEqual(['5.10: a.0', '5.11: a.0']);
    expect(assigned(n2)).toEqual(['5.10: b.0']);
  });

  it('knows whether a node works towards the newest assignment', async () => {
    const { report, assigner } = await start();
    await report(n1, obeyed(3, 4));
    expect(assigner.isCurrent(n1)).toBe(false);
    await report(n1, obeyed(5, 10));
    expect(assigner.isCurrent(n1)).toBe(true);
  });

  it('stops nothing on a node that obeyed what an older database does not know', async () => {
    const { report, assigned } = await start();
    const lost = makeInstanceReport(a, {
      instance: instanceId('lost.0'),
      agent: agentName('lost'),
    });
    await report(n1, obeyed(4, 25, makeInstanceReport(a), lost));
    // Under revision 0 nothing is stopped for being absent; then the node says so, and is on terms again.
    expect(assigned(n1)).toEqual(['5.0: a.0']);
    await report(n1, obeyed(5, 0, makeInstanceReport(a), { ...lost, state: 'unclaimed' }));
    expect(assigned(n1)).toEqual(['5.0: a.0', '5.10: a.0']);
  });

  it('does not claim what a node keeps unclaimed under a later epoch, until it is placed anew', async () => {
    const { keeper, report, assigned } = await start();
    const kept = makeInstanceReport(a, { epoch: laterEpoch, state: 'unclaimed' });
    await report(n1, obeyed(5, 9, kept));
    expect(assigned(n1)).toEqual(['5.10: ']);
    const record = { ...a, epoch: '10.1' as typeof a.epoch };
    const instances = new Map(keeper.state.instances).set(a.instance, record);
    keeper.state = { ...keeper.state, instances, revision: 11 };
    await report(n1, obeyed(5, 10, kept));
    expect(assigned(n1)).toEqual(['5.10: ', '5.11: a.0']);
  });

  it('claims what was held once the node let it go, under a higher revision', async () => {
    const { report, assigned, clock } = await start();
    const kept = makeInstanceReport(a, { epoch: laterEpoch, state: 'unclaimed' });
    await report(n1, obeyed(5, 9, kept));
    await report(n1, obeyed(5, 10));
    await clock.advance(1_000);
    expect(assigned(n1)).toEqual(['5.10: ', '5.11: a.0']);
  });

  it('reigns above every term that a node reports, also above its own number used by another', async () => {
    const { keeper, report, assigned, clock } = await start();
    await report(n1, obeyed(7, 3));
    await clock.advance(1_000);
    expect(keeper.term).toBe(8);
    expect(assigned(n1)).toEqual(['8.0: a.0']);
    await report(n2, obeyed(8, 99));
    await clock.advance(1_000);
    expect(keeper.term).toBe(9);
    expect(assigned(n2)).toEqual(['9.0: b.0']);
  });

  it('gives a node of another mesh, or a new one, its assignment as it is: the node itself keeps what it runs', async () => {
    const { report, assigned } = await start();
    const other = MeshId.parse('e'.repeat(32));
    const running = makeInstanceReport(a, { state: 'unclaimed' });
    await report(n1, makeReport([running], { mesh: other, term: 1, revision: 70 }));
    await report(n2, makeReport([], { mesh: undefined, term: 0, revision: 0 }));
    expect(assigned(n1)).toEqual(['5.10: a.0']);
    expect(assigned(n2)).toEqual(['5.10: b.0']);
  });

  it('tells a node nothing of others that have not reported yet, and that they are not ready once they are dead', async () => {
    const { hub, report, nodes, clock } = await start();
    const unheard = { name: n1, member: { status: 'unknown', sinceMs: 0 } } as const;
    nodes.set(n1, unheard);
    await report(n2, obeyed(3, 4));
    await clock.advance(5_000);
    expect(hub.of(NodePeers.kind)).toEqual([]);
    nodes.set(n1, { ...unheard, member: { status: 'dead', sinceMs: 0 } });
    await clock.advance(500);
    expect(hub.of(NodePeers.kind).map(({ body }) => (body as NodePeers).agents)).toEqual([
      [{ agent: 'a', group: 'core', ready: false, addresses: {} }],
    ]);
  });

  it('counts as ready what runs on while its daemon is away for a moment', async () => {
    const { hub, report, nodes } = await start();
    await report(n1, obeyed(5, 10, makeInstanceReport(a, { ports: { zmq: 7140 } })));
    const heard = nodes.get(n1)!;
    nodes.set(n1, {
      ...heard,
      member: { status: 'rejoining', incarnation: 1, heardAtMs: 0, sinceMs: 0 },
    });
    await report(n2, obeyed(3, 4));
    expect(hub.of(NodePeers.kind).map(({ body }) => (body as NodePeers).agents)).toMatchObject([
      [{ agent: 'a', ready: true }],
    ]);
  });

  it('tells a node when what it depends on elsewhere becomes ready, once', async () => {
    const { hub, report, clock } = await start();
    await report(n1, obeyed(3, 4, makeInstanceReport(a, { state: 'starting' })));
    await report(n2, obeyed(3, 4));
    await report(n1, obeyed(5, 10, makeInstanceReport(a, { ports: { zmq: 7140 } })));
    await clock.advance(5_000);
    const told = hub.of(NodePeers.kind).map(({ to, body }) => [to, (body as NodePeers).agents]);
    expect(told).toEqual([
      ['n2', [{ agent: 'a', group: 'core', ready: false, addresses: {} }]],
      ['n2', [{ agent: 'a', group: 'core', ready: true, addresses: { zmq: 'n1.lan:7140' } }]],
    ]);
  });
});
