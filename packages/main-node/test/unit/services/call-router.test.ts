import { AgentCall, type CallRequest, type InstanceReport, type NodeName } from '@meshwork/shared';
import { createFakeClock } from '@meshwork/testkit';
import { describe, expect, it } from 'vitest';
import { byInstance } from '../../../src/core/assignments.ts';
import { indexState } from '../../../src/core/desired-index.ts';
import type { LiveNode } from '../../../src/core/live.ts';
import { createCallRouter } from '../../../src/services/call-router.ts';
import { answered, createFakeHub } from '../../fixtures/fake-hub.ts';
import { makeInstanceReport, makeReport } from '../../fixtures/make-report.ts';
import { meshWith, nodeName, withFleet } from '../../fixtures/make-state.ts';

const state = withFleet(meshWith('n1', 'n2'), 'home', {
  lib: { replicas: 2, labels: { team: 'search' } },
  one: { placement: { node: 'n1' }, labels: { team: 'search' } },
});

const index = indexState(state);

/** Everything is ready, but for what `change` says of an instance. */
function setUp(change: Readonly<Record<string, Partial<InstanceReport>>> = {}) {
  const hub = createFakeHub();
  const clock = createFakeClock();
  const nodes = new Map<NodeName, LiveNode>();
  for (const name of ['n1', 'n2'].map(nodeName)) {
    const records = [...state.instances.values()].filter(({ node }) => node === name);
    const report = makeReport(
      records.map((record) => makeInstanceReport(record, change[record.instance])),
    );
    nodes.set(name, {
      name,
      member: { status: 'alive', incarnation: 1, heardAtMs: 0 },
      report,
      instances: byInstance(report.instances),
      reportedAtMs: clock.monotonic(),
    });
  }
  const router = createCallRouter({
    hub,
    index: () => index,
    live: { nodes },
    clock,
    seconds: { observe() {} },
  });
  const call = (target: string, ask: Partial<CallRequest> = {}) =>
    router.call({
      target,
      action: 'stats',
      args: {},
      any: false,
      timeoutMs: 1_000,
      caller: 'operator',
      ...ask,
    });
  const called = () => hub.asked.map(({ body }) => (body as { instance: string }).instance);
  return { hub, nodes, call, called };
}

const echo = (to: NodeName) => answered({ result: { from: to }, durationMs: 1 });

describe('call router', () => {
  it('calls one instance of a name, in turns, with its epoch', async () => {
    const { hub, call, called } = setUp();
    hub.onAsk(AgentCall.kind, echo);
    const rows = [...(await call('lib')), ...(await call('lib')), ...(await call('lib'))];
    expect(rows.every(({ status }) => status === 'answered')).toBe(true);
    expect(called()).toEqual(['lib.0', 'lib.1', 'lib.0']);
    expect(hub.asked[0]?.body).toMatchObject({
      epoch: state.instances.get(called()[0] as never)?.epoch,
    });
  });

  it('takes the instance with the fewest calls under way', async () => {
    const { hub, call, called } = setUp({ 'lib.0': { callsInFlight: 3 } });
    hub.onAsk(AgentCall.kind, echo);
    await call('lib');
    await call('lib');
    expect(called()).toEqual(['lib.1', 'lib.1']);
  });

  it('counts calls under way itself, before the node reports them', async () => {
    const { hub, call, called } = setUp();
    const first = Promise.withResolvers<ReturnType<typeof answered>>();
    hub.onAsk(AgentCall.kind, (_, body) =>
      (body as { instance: string }).instance === 'lib.0'
        ? first.promise
        : answered({ result: 1, durationMs: 1 }),
    );
    const waiting = call('lib');
    await call('lib');
    await call('lib');
    first.resolve(answered({ result: 0, durationMs: 1 }));
    await waiting;
    expect(called()).toEqual(['lib.0', 'lib.1', 'lib.1']);
  });

  it('calls all that a glob or a label names, one with `any`', async () => {
    const { hub, call, called } = setUp();
    hub.onAsk(AgentCall.kind, echo);
    expect((await call('team=search')).map(({ instance }) => instance)).toEqual([
      'lib.0',
      'lib.1',
      'one.0',
    ]);
    hub.asked.length = 0;
    expect(await call('*', { any: true })).toHaveLength(1);
    expect(called()).toHaveLength(1);
  });

  it('passes over what is not ready, and refuses without sending when nothing is', async () => {
    const { hub, call, called } = setUp({
      'lib.0': { state: 'starting' },
      'one.0': { state: 'crash-loop', reason: 'exit code 1' },
    });
    hub.onAsk(AgentCall.kind, echo);
    await call('lib');
    expect(called()).toEqual(['lib.1']);
    const [row] = await call('one');
    expect(row).toMatchObject({
      status: 'refused',
      error: { code: 'MESH_AGENT_NOT_READY', message: expect.stringContaining('exit code 1') },
    });
    expect(called()).toEqual(['lib.1']);
  });

  it('gives a row to each instance that a glob names, also to those that cannot be called', async () => {
    const { hub, call } = setUp({ 'lib.1': { state: 'stopped' } });
    hub.onAsk(AgentCall.kind, echo);
    const rows = await call('lib*');
    expect(rows.map(({ instance, status }) => [instance, status])).toEqual([
      ['lib.0', 'answered'],
      ['lib.1', 'refused'],
    ]);
  });

  it('passes on how a call ended, and never repeats one', async () => {
    const { hub, call } = setUp();
    const error = { code: 'MESH_OUTCOME_UNKNOWN', message: 'no answer' } as const;
    hub.onAsk(AgentCall.kind, () => ({ status: 'unknown', error }));
    const [row] = await call('one');
    expect(row).toMatchObject({ status: 'unknown', error });
    expect(hub.asked).toHaveLength(1);
  });

  it('knows no unknown agent', async () => {
    const { call } = setUp();
    await expect(call('nobody')).rejects.toMatchObject({ code: 'MESH_AGENT_UNKNOWN' });
  });
});
