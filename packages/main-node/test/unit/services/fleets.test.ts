import { NodeCheck, type Actor, type FleetInput, type NodeName } from '@meshwork/shared';
import { afterEach, describe, expect, it } from 'vitest';
import type { LiveNode } from '../../../src/core/live.ts';
import type { UnclaimedInstance } from '../../../src/core/adopt-instance.ts';
import { createFleets } from '../../../src/services/fleets.ts';
import { createNodeChecks } from '../../../src/services/node-checks.ts';
import { answered, createFakeHub } from '../../fixtures/fake-hub.ts';
import { silent, startKeeper } from '../../fixtures/make-keeper.ts';
import { makeFacts } from '../../fixtures/make-report.ts';
import {
  agentName,
  epoch,
  fleetName,
  instanceId,
  makeFleet,
  makeNode,
  nodeName,
} from '../../fixtures/make-state.ts';

const operator: Actor = { kind: 'operator', name: 'operator' };
let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

/** Two nodes that are alive; `broken` says what a node answers to `node.check` of an agent. */
async function start(broken: Readonly<Record<string, string>> = {}) {
  const kept = await startKeeper();
  stop = kept.stop;
  const { keeper } = kept;
  const hub = createFakeHub();
  const nodes = new Map<NodeName, LiveNode>();
  for (const name of ['n1', 'n2'].map(nodeName)) {
    nodes.set(name, {
      name,
      member: { status: 'alive', incarnation: 1, heardAtMs: 0 },
      facts: makeFacts(),
    });
  }
  await keeper.change(operator, (state) => ({
    state: { ...state, nodes: new Map([...nodes.keys()].map((name) => [name, makeNode(name)])) },
    events: [],
    result: undefined,
  }));
  hub.onAsk(NodeCheck.kind, (to, body) => {
    const { agents } = body as { agents: { agent: string }[] };
    const results = agents.map(({ agent }) => {
      const message = broken[`${to}/${agent}`];
      return { agent, problems: message === undefined ? [] : [{ code: 'X', message }] };
    });
    return answered({ results });
  });
  const unclaimed: UnclaimedInstance[] = [];
  const fleets = createFleets({
    keeper,
    nodeChecks: createNodeChecks({ hub, live: { nodes }, logger: silent }),
    orders: { describeUnclaimed: async () => unclaimed },
  });
  const apply = (agents: Readonly<Record<string, unknown>>, more: Partial<FleetInput> = {}) =>
    fleets.apply('home', toInput(agents, more), operator);
  const places = () =>
    Object.fromEntries([...keeper.state.instances.values()].map((one) => [one.instance, one.node]));
  return { fleets, keeper, hub, nodes, apply, places, unclaimed };
}

function toInput(
  agents: Readonly<Record<string, unknown>>,
  more: Partial<FleetInput> = {},
): FleetInput {
  const document = { fleet: 'home', defaults: { command: ['true'] }, agents };
  return { document, fleetDir: '/fleets', ...more };
}

describe('fleets', () => {
  it('place agents only on nodes that passed node.check', async () => {
    const { apply, places, hub } = await start({ 'n1/a': 'there is no python3' });
    await apply({ a: {} });
    expect(places()).toEqual({ 'a.0': 'n2' });
    expect(hub.asked.map(({ to }) => to).toSorted()).toEqual(['n1', 'n2']);
  });

  it('refuse a fleet as a whole when one agent has no place, with the reason per node', async () => {
    const broken = { 'n1/a': 'no python3', 'n2/a': 'no such folder' };
    const { apply, keeper } = await start(broken);
    const { revision } = keeper.state;
    await expect(apply({ a: {}, b: {} })).rejects.toMatchObject({
      code: 'MESH_PLACEMENT_IMPOSSIBLE',
      details: {
        candidates: {
          'a.0': [
            { node: 'n1', fits: false, reasons: ['no python3'] },
            { node: 'n2', fits: false, reasons: ['no such folder'] },
          ],
        },
      },
    });
    expect(keeper.state.revision).toBe(revision);
    expect(keeper.state.fleets.size).toBe(0);
  });

  it('take a node that does not answer the check as one that does not fit', async () => {
    const { apply, places, hub } = await start();
    hub.onAsk(NodeCheck.kind, (to, body) => {
      if (to === 'n1')
        return { status: 'expired', error: { code: 'MESH_EXPIRED', message: 'too late' } };
      const { agents } = body as { agents: { agent: string }[] };
      return answered({ results: agents.map(({ agent }) => ({ agent, problems: [] })) });
    });
    await apply({ a: {} });
    expect(places()).toEqual({ 'a.0': 'n2' });
  });

  it('change nothing, not even the revision, when applied again as they stand', async () => {
    const { apply, keeper, hub } = await start();
    const agents = { a: { replicas: 2 }, b: { env: { X: 1 } } };
    await apply(agents);
    const { revision } = keeper.state;
    hub.asked.length = 0;
    const again = await apply(agents);
    expect(again.steps.every(({ change }) => change === 'none')).toBe(true);
    expect(keeper.state.revision).toBe(revision);
    expect(hub.asked).toEqual([]);
  });

  it('plan without changing anything, problems of the document included', async () => {
    const { fleets, keeper } = await start();
    const { revision } = keeper.state;
    const good = await fleets.plan(toInput({ a: {} }));
    const bad = await fleets.plan(
      toInput({ a: { comand: ['x'], replicas: 0 }, b: { lease: '6s' } }),
    );
    expect(good).toMatchObject({ applied: false, steps: [{ change: 'add' }] });
    expect(bad.problems.map(({ path, code }) => [path.join('.'), code])).toEqual([
      ['agents.a.replicas', 'invalid'],
      ['agents.a', 'invalid'],
      ['agents.b.lease', 'not-supported'],
    ]);
    expect(keeper.state.revision).toBe(revision);
  });

  it('are refused with every problem at once, and nothing is applied', async () => {
    const { apply, keeper } = await start();
    const agents = { a: { placement: { node: 'n9' } }, b: { start: { dependsOn: ['c'] } } };
    await expect(apply(agents)).rejects.toMatchObject({
      code: 'MESH_FLEET_INVALID',
      details: { problems: [{ path: ['agents', 'a', 'placement', 'node'] }, expect.anything()] },
    });
    expect(keeper.state.fleets.size).toBe(0);
  });

  it('are refused when the state changed since it was read', async () => {
    const { apply, keeper } = await start();
    const expectRevision = keeper.state.revision;
    await apply({ a: {} }, { expectRevision });
    await expect(apply({ b: {} }, { expectRevision })).rejects.toMatchObject({
      code: 'MESH_PLAN_STALE',
    });
  });

  it('export a document whose plan is empty', async () => {
    const { apply, fleets } = await start();
    await apply({
      a: { cwd: '${fleet.dir}/a', health: { tcp: { port: 'p' } }, ports: { p: 7000 } },
    });
    const { document } = fleets.get('home');
    const plan = await fleets.plan({ document, fleetDir: '/elsewhere' });
    expect(plan.steps.map(({ change }) => change)).toEqual(['none']);
  });

  it('keep the place of what is there when a node goes away, and say that a change was not checked', async () => {
    const { apply, fleets, nodes, places } = await start();
    await apply({ a: { placement: { node: 'n1' } } });
    nodes.set(nodeName('n1'), {
      name: nodeName('n1'),
      member: { status: 'dead', sinceMs: 0 },
    });
    const changed = { a: { placement: { node: 'n1' }, env: { X: '1' } } };
    expect((await fleets.plan(toInput(changed))).warnings).toEqual([
      'a.0 is on n1, which is dead: the change was not checked there and takes effect when it is back',
    ]);
    await apply(changed);
    expect(places()).toEqual({ 'a.0': 'n1' });
  });

  it('are refused before anything changes when a node could not be told of them in one message', async () => {
    const { apply, keeper } = await start();
    const text = 'x'.repeat(10_000);
    const agents = Object.fromEntries(
      Array.from({ length: 110 }, (_, at) => [
        `a${at}`,
        { env: { TEXT: text }, placement: { node: 'n1' } },
      ]),
    );
    await expect(apply(agents)).rejects.toMatchObject({
      code: 'MESH_TOO_LARGE',
      details: { node: 'n1', instances: 110 },
    });
    expect(keeper.state.instances.size).toBe(0);
  });

  it('take over what runs unclaimed under their names, as it runs, instead of placing it a second time', async () => {
    const { apply, keeper, unclaimed, places } = await start();
    const run = (agent: string, change: Partial<UnclaimedInstance> = {}): UnclaimedInstance => ({
      instance: instanceId(`${agent}.0`),
      agent: agentName(agent),
      fleet: fleetName('home'),
      node: nodeName('n2'),
      epoch: epoch('9.1'),
      nonce: 4,
      spec: makeFleet('home', { x: {} }).fleet.agents.get(agentName('x')),
      ...change,
    });
    unclaimed.push(
      run('same'),
      run('other'),
      run('gone'),
      run('foreign', { fleet: fleetName('f') }),
    );
    const plan = await apply({ same: {}, other: { env: { X: '1' } }, foreign: {}, fresh: {} });
    expect(Object.fromEntries(plan.steps.map(({ agent, change }) => [agent, change]))).toEqual({
      same: 'none',
      other: 'change',
      foreign: 'add',
      fresh: 'add',
    });
    expect(places()).toMatchObject({ 'same.0': 'n2', 'other.0': 'n2' });
    expect(keeper.state.instances.get(instanceId('same.0'))).toMatchObject({
      epoch: '9.1',
      nonce: 4,
      isAdopting: true,
    });
  });

  it('leave with all their instances', async () => {
    const { apply, fleets, keeper } = await start();
    await apply({ a: {}, b: {} });
    const plan = await fleets.remove('home', operator);
    expect(plan.steps.map(({ instance, change }) => [instance, change])).toEqual([
      ['a.0', 'remove'],
      ['b.0', 'remove'],
    ]);
    expect(keeper.state.instances.size).toBe(0);
    await expect(fleets.remove('home', operator)).rejects.toMatchObject({
      code: 'MESH_FLEET_UNKNOWN',
    });
  });
});
