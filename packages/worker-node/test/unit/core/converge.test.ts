import { AgentSpec, type AssignedInstance } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { pickDrainOrder, pickOrder, type Convergence } from '../../../src/core/converge.ts';
import { emptyHistory, type InstanceState } from '../../../src/core/instance-state.ts';
import { toIdentity, toProcessKey } from '../../../src/core/process-key.ts';

const common = { sinceMs: 0, history: emptyHistory };
const live = { ...common, launch: 1, startedMs: 0 };
const ready: InstanceState = { ...live, status: 'ready', failures: 0 };
const waiting: InstanceState = { ...common, status: 'waiting' };
const looping: InstanceState = { ...common, status: 'crash-loop' };
const stopping = { ...common, status: 'stopping', after: 'stopped' } as const;
const stopped: InstanceState = { ...common, status: 'stopped' };
const unclaimed: InstanceState = { status: 'unclaimed', sinceMs: 0, inner: ready };

const assigned = {
  instance: 'a.0',
  agent: 'a',
  fleet: 'home',
  epoch: '1.1',
  nonce: 0,
  desired: 'run',
  spec: AgentSpec.parse({ command: ['a'] }),
} as AssignedInstance;

function order(
  state: InstanceState,
  more: Partial<Convergence> & { desired?: 'run' | 'stop' } = {},
) {
  const { desired = 'run', ...rest } = more;
  const subject = { assigned: { ...assigned, desired }, claim: 'claimed', state } as const;
  return pickOrder({ ...subject, wantedAs: 'x', ranAs: 'x', ...rest });
}

describe('what is wanted to run', () => {
  it('gets no order while it runs as it should, waits, or loops', () => {
    expect([order(ready), order(waiting), order(looping)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is ended and started again when it runs as something else', () => {
    expect(order(ready, { wantedAs: 'y' })).toEqual({ type: 'stop', after: 'start' });
    expect(order({ ...stopping, after: 'start' }, { wantedAs: 'y' })).toBeUndefined();
  });

  it('is tried anew when it crashed as something else', () => {
    expect(order(looping, { wantedAs: 'y' })).toEqual({ type: 'reset' });
  });

  it('is started when it was stopped, and started after a stop that is under way', () => {
    expect(order(stopped)).toEqual({ type: 'reset' });
    expect(order(stopping)).toEqual({ type: 'reset' });
  });

  it('is claimed first', () => {
    expect(order(unclaimed)).toEqual({ type: 'claim' });
  });
});

describe('what is not wanted to run', () => {
  it('is stopped, from whatever state, once', () => {
    const states = [ready, waiting, looping];

    const orders = states.map((state) => order(state, { desired: 'stop' }));

    expect(orders).toEqual(states.map(() => ({ type: 'stop', after: 'stopped' })));
    expect(order(stopping, { desired: 'stop' })).toBeUndefined();
    expect(order(stopped, { desired: 'stop' })).toBeUndefined();
  });

  it('is dropped when it leaves, once', () => {
    const leaving = { claim: 'leaving' } as const;

    expect(order(stopped, leaving)).toEqual({ type: 'stop', after: 'forget' });
    expect(order(stopping, leaving)).toEqual({ type: 'stop', after: 'forget' });
    expect(order({ ...stopping, after: 'forget' }, leaving)).toBeUndefined();
    expect(order({ ...common, status: 'stopped', isLeaving: true }, leaving)).toBeUndefined();
  });

  it('runs on when nobody claims it', () => {
    expect(order(ready, { claim: 'unclaimed' })).toEqual({ type: 'unclaim' });
    expect(order(unclaimed, { claim: 'unclaimed', wantedAs: 'y' })).toBeUndefined();
  });
});

it('stops everything once while the node drains', () => {
  const states = [
    ready,
    waiting,
    unclaimed,
    stopping,
    { ...stopping, after: 'forget' as const },
    stopped,
  ];

  const orders = states.map((state) => pickDrainOrder(state)?.type);

  expect(orders).toEqual(['stop', 'stop', 'stop', undefined, undefined, undefined]);
});

describe('the identity of a run', () => {
  const with_ = (more: object): string =>
    toIdentity({ ...assigned, spec: AgentSpec.parse({ command: ['a'], ...more }) });

  it('is not touched by labels, probes, restart and stop policy, order and placement', () => {
    const before = toIdentity(assigned);

    expect(with_({ labels: { team: 'x' } })).toBe(before);
    expect(with_({ restart: { policy: 'always' } })).toBe(before);
    expect(with_({ stop: { grace: '1s' } })).toBe(before);
    expect(with_({ start: { dependsOn: ['b'] } })).toBe(before);
    expect(with_({ replicas: 2, placement: { node: 'pc2' } })).toBe(before);
  });

  it('changes with what its process is made from, its epoch and its nonce', () => {
    const changed = [
      with_({ command: ['b'] }),
      with_({ env: { A: '1' } }),
      with_({ cwd: '/tmp' }),
      with_({ user: 'me' }),
      with_({ envFile: '/x' }),
      with_({ ports: { http: 1 } }),
      toIdentity({ ...assigned, nonce: 1 }),
      toIdentity({ ...assigned, epoch: '1.2' as AssignedInstance['epoch'] }),
    ];

    expect(new Set([...changed, toIdentity(assigned)]).size).toBe(changed.length + 1);
  });

  it('does not depend on the order of keys', () => {
    const a = toProcessKey(AgentSpec.parse({ command: ['a'], env: { A: '1', B: '2' } }));
    const b = toProcessKey(AgentSpec.parse({ command: ['a'], env: { B: '2', A: '1' } }));

    expect(a).toBe(b);
  });
});
