import { UnclaimedAct, type Actor, type InstanceReport, type NodeName } from '@meshwork/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { byInstance, instancesFor } from '../../../src/core/assignments.ts';
import { indexState } from '../../../src/core/desired-index.ts';
import type { LiveNode } from '../../../src/core/live.ts';
import { createAgentOrders } from '../../../src/services/agent-orders.ts';
import { answered, createFakeHub } from '../../fixtures/fake-hub.ts';
import { silent, startKeeper } from '../../fixtures/make-keeper.ts';
import { laterEpoch, makeInstanceReport, makeReport } from '../../fixtures/make-report.ts';
import {
  agentName,
  epoch,
  fleetName,
  instanceId,
  makeFleet,
  makeNode,
  nodeName,
  withFleet,
} from '../../fixtures/make-state.ts';

const operator: Actor = { kind: 'operator', name: 'operator' };
const n1 = nodeName('n1');
const lost = {
  instance: instanceId('lost.0'),
  agent: agentName('lost'),
  fleet: fleetName('old'),
  epoch: laterEpoch,
  nonce: 3,
};
const lostSpec = makeFleet('old', { lost: { labels: { a: 'b' } } }).fleet.agents.get(
  agentName('lost'),
)!;

let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

function nodeWith(reports: readonly InstanceReport[]): LiveNode {
  const report = makeReport(reports);
  return {
    name: n1,
    member: { status: 'alive', incarnation: 1, heardAtMs: 0 },
    report,
    instances: byInstance(report.instances),
    reportedAtMs: 0,
  };
}

/** One node with agent `a` of fleet `home`; `reports` is what it says. */
async function start(reports: readonly InstanceReport[]) {
  const kept = await startKeeper();
  stop = kept.stop;
  const { keeper, clock } = kept;
  await keeper.change(operator, (state) => ({
    state: withFleet({ ...state, nodes: new Map([[n1, makeNode('n1')]]) }, 'home', { a: {} }),
    events: [],
    result: undefined,
  }));
  const hub = createFakeHub();
  hub.onAsk(UnclaimedAct.kind, () =>
    answered({ ...lost, spec: JSON.parse(JSON.stringify(lostSpec)) }),
  );
  const live = { nodes: new Map<NodeName, LiveNode>([[n1, nodeWith(reports)]]) };
  const orders = createAgentOrders({ keeper, live, hub, clock, logger: silent });
  return { keeper, hub, orders };
}

describe('agent orders', () => {
  it('adopt an unclaimed instance exactly as it runs, fleet included', async () => {
    const { keeper, orders } = await start([makeInstanceReport(lost, { state: 'unclaimed' })]);
    const answer = await orders.act('lost', { act: 'adopt' }, operator);
    expect(answer.affected).toEqual(['lost.0']);
    expect(keeper.state.instances.get(lost.instance)).toEqual({
      ...lost,
      node: 'n1',
      desired: 'run',
      isAdopting: true,
    });
    expect(keeper.state.fleets.get(lost.fleet)?.agents.get(lost.agent)).toEqual(lostSpec);
  });

  it('hold an adopted instance no longer, and note when its node has claimed it', async () => {
    const { keeper, orders } = await start([makeInstanceReport(lost, { state: 'unclaimed' })]);
    await orders.act('lost', { act: 'adopt' }, operator);
    const held = { instances: [makeInstanceReport(lost, { state: 'unclaimed' })] };
    const ids = (report: typeof held) =>
      instancesFor(indexState(keeper.state), n1, report).map((one) => one.instance);
    expect(ids(held)).toContain('lost.0');
    orders.onReport(nodeWith([makeInstanceReport(lost)]));
    await keeper.change(operator, (state) => ({ state, events: [], result: undefined }));
    expect(keeper.state.instances.get(lost.instance)?.isAdopting).toBeUndefined();
    expect(ids(held)).not.toContain('lost.0');
  });

  it('stop an unclaimed instance on its node, and write nothing', async () => {
    const { keeper, hub, orders } = await start([makeInstanceReport(lost, { state: 'unclaimed' })]);
    const { revision } = keeper.state;
    await orders.act('lost', { act: 'stop' }, operator);
    expect(hub.asked).toEqual([
      { to: 'n1', kind: UnclaimedAct.kind, body: { instance: 'lost.0', act: 'stop' } },
    ]);
    expect(keeper.state.revision).toBe(revision);
  });

  it('list as unclaimed what the records know only in an older form', async () => {
    const a = { ...lost, instance: instanceId('a.0'), agent: agentName('a') };
    const { orders } = await start([makeInstanceReport(a, { state: 'unclaimed' })]);
    expect(orders.unclaimed().map(({ report }) => report.instance)).toEqual(['a.0']);
  });

  it('do not list what will be claimed: it is placed anew', async () => {
    const a = { ...lost, instance: instanceId('a.0'), agent: agentName('a'), epoch: epoch('0.1') };
    const { orders } = await start([makeInstanceReport(a, { state: 'unclaimed' })]);
    expect(orders.unclaimed()).toEqual([]);
  });

  it('say that there is nothing to do, or nobody to do it to', async () => {
    const { orders } = await start([]);
    expect((await orders.act('a', { act: 'start' }, operator)).message).toBe('nothing to change');
    await expect(orders.act('a', { act: 'adopt' }, operator)).rejects.toMatchObject({
      code: 'MESH_AGENT_UNKNOWN',
    });
    await expect(orders.act('nobody', { act: 'stop' }, operator)).rejects.toMatchObject({
      code: 'MESH_AGENT_UNKNOWN',
    });
  });
});
