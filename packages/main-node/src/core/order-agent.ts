import { MeshError, type AgentName, type InstanceId, type InstanceState } from '@meshwork/shared';
import type { Transition } from './apply-plan.ts';
import { instancesOf, type InstanceRecord, type MeshState } from './mesh-state.ts';
import type { EventBody } from './new-event.ts';

/** A durable order for one agent. */
export interface AgentOrder {
  readonly act: 'start' | 'stop' | 'restart';
  readonly agent: AgentName;
  /** One of its instances; absent: all. */
  readonly instance?: InstanceId | undefined;
}

/** States that `start` gets an instance out of although it is meant to run: a new nonce resets them. */
const givenUp: ReadonlySet<InstanceState> = new Set(['ended', 'crashed', 'crash-loop']);

/**
 * The state after an order, and the instances it touched.
 *
 * `restart` raises the nonce. `start` does so too where an instance that should run has ended or was given up; otherwise
 * repeating an order changes nothing. Throws MESH_AGENT_UNKNOWN.
 */
export function orderAgent(
  state: MeshState,
  order: AgentOrder,
  stateOf: (instance: InstanceId) => InstanceState | undefined,
): Transition & { readonly affected: readonly InstanceId[] } {
  const records = pickRecords(state, order);
  const instances = new Map(state.instances);
  const affected: InstanceId[] = [];
  const events: EventBody[] = [];
  for (const record of records) {
    const next = orderOne(record, order.act, stateOf(record.instance));
    if (next === record) continue;
    instances.set(record.instance, next);
    affected.push(record.instance);
    events.push({
      kind: 'agent.desired',
      agent: record.agent,
      before: describe(record),
      after: describe(next),
    });
  }
  if (affected.length === 0) return { state, events, affected };
  return { state: { ...state, instances }, events, affected };
}

function orderOne(
  record: InstanceRecord,
  act: AgentOrder['act'],
  state: InstanceState | undefined,
): InstanceRecord {
  switch (act) {
    case 'stop':
      return record.desired === 'stop' ? record : { ...record, desired: 'stop' };
    case 'start': {
      const isGivenUp = state !== undefined && givenUp.has(state);
      if (record.desired === 'run' && !isGivenUp) return record;
      return { ...record, desired: 'run', nonce: record.nonce + 1 };
    }
    case 'restart':
      return { ...record, desired: 'run', nonce: record.nonce + 1 };
    default:
      return act satisfies never;
  }
}

function pickRecords(state: MeshState, order: AgentOrder): readonly InstanceRecord[] {
  const all = instancesOf(state, order.agent);
  if (all.length === 0) {
    throw new MeshError('MESH_AGENT_UNKNOWN', `cannot ${order.act} ${order.agent}: no such agent`, {
      details: { agent: order.agent },
    });
  }
  if (order.instance === undefined) return all;
  const one = all.filter(({ instance }) => instance === order.instance);
  if (one.length > 0) return one;
  throw new MeshError(
    'MESH_AGENT_UNKNOWN',
    `cannot ${order.act} ${order.instance}: ${order.agent} has ${all.map(({ instance }) => instance).join(', ')}`,
    { details: { agent: order.agent, instance: order.instance } },
  );
}

function describe({ instance, desired, nonce }: InstanceRecord): Record<string, unknown> {
  return { instance, desired, nonce };
}
