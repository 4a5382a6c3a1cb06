import type { InstanceState } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { orderAgent } from '../../../src/core/order-agent.ts';
import { agentName, instanceId, meshWith, withFleet } from '../../fixtures/make-state.ts';

const state = withFleet(meshWith('n1', 'n2'), 'home', { a: { replicas: 2 }, b: {} });
const a = agentName('a');

const order = (
  act: 'start' | 'stop' | 'restart',
  from = state,
  now: InstanceState = 'ready',
): { desired: string; nonce: number; affected: number } => {
  const next = orderAgent(from, { act, agent: a }, () => now);
  const record = next.state.instances.get(instanceId('a.0'))!;
  return { desired: record.desired, nonce: record.nonce, affected: next.affected.length };
};

describe('orderAgent', () => {
  it('stops all instances, once', () => {
    expect(order('stop')).toEqual({ desired: 'stop', nonce: 0, affected: 2 });
    const stopped = orderAgent(state, { act: 'stop', agent: a }, () => 'ready').state;
    expect(order('stop', stopped)).toEqual({ desired: 'stop', nonce: 0, affected: 0 });
  });

  it('starts what was stopped', () => {
    const stopped = orderAgent(state, { act: 'stop', agent: a }, () => 'ready').state;
    expect(order('start', stopped, 'stopped')).toEqual({ desired: 'run', nonce: 1, affected: 2 });
  });

  it('does nothing to what runs, and resets what was given up', () => {
    expect(order('start').affected).toBe(0);
    for (const given of ['crash-loop', 'crashed', 'ended'] as const)
      expect(order('start', state, given)).toEqual({ desired: 'run', nonce: 1, affected: 2 });
  });

  it('raises the nonce with each restart', () => {
    const once = orderAgent(state, { act: 'restart', agent: a }, () => 'ready').state;
    expect(order('restart', once)).toEqual({ desired: 'run', nonce: 2, affected: 2 });
  });

  it('orders one instance where one is named', () => {
    const one = orderAgent(
      state,
      { act: 'stop', agent: a, instance: instanceId('a.1') },
      () => 'ready',
    );
    expect(one.affected).toEqual(['a.1']);
    expect(one.events).toEqual([
      {
        kind: 'agent.desired',
        agent: 'a',
        before: { instance: 'a.1', desired: 'run', nonce: 0 },
        after: { instance: 'a.1', desired: 'stop', nonce: 0 },
      },
    ]);
  });

  it('refuses an unknown agent or instance by name', () => {
    const unknown = { act: 'stop', agent: agentName('nobody') } as const;
    expect(() => orderAgent(state, unknown, () => 'ready')).toThrow(
      expect.objectContaining({ code: 'MESH_AGENT_UNKNOWN' }),
    );
    const other = { act: 'stop', agent: a, instance: instanceId('a.7') } as const;
    expect(() => orderAgent(state, other, () => 'ready')).toThrow(/a has a\.0, a\.1/);
  });
});
