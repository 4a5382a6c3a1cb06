import type { AgentName, InstanceId, NodeName } from '@meshwork/shared';
import { ordinalOf, type InstanceRecord, type MeshState } from './mesh-state.ts';

/** One state, by what it is asked for all the time. */
export interface DesiredIndex {
  readonly state: MeshState;
  readonly byNode: ReadonlyMap<NodeName, readonly InstanceRecord[]>;
  /** By ordinal. */
  readonly byAgent: ReadonlyMap<AgentName, readonly InstanceRecord[]>;
  /** Every declared agent with its start group. */
  readonly groupOf: ReadonlyMap<AgentName, string | undefined>;
  readonly agentsOfGroup: ReadonlyMap<string, readonly AgentName[]>;
}

/** Reads a state once instead of at each question. */
export function indexState(state: MeshState): DesiredIndex {
  const byNode = new Map<NodeName, InstanceRecord[]>();
  const byAgent = new Map<AgentName, InstanceRecord[]>();
  for (const record of state.instances.values()) {
    append(byNode, record.node, record);
    append(byAgent, record.agent, record);
  }
  for (const records of byAgent.values())
    records.sort((a, b) => ordinalOf(a.instance) - ordinalOf(b.instance));
  const groupOf = new Map<AgentName, string | undefined>();
  const agentsOfGroup = new Map<string, AgentName[]>();
  for (const { agents } of state.fleets.values()) {
    for (const [agent, { start }] of agents) {
      groupOf.set(agent, start.group);
      if (start.group !== undefined) append(agentsOfGroup, start.group, agent);
    }
  }
  return { state, byNode, byAgent, groupOf, agentsOfGroup };
}

/** An index of whatever the state is at each call, made anew only when it changed. */
export function createIndexReader(read: () => MeshState): () => DesiredIndex {
  let last: DesiredIndex | undefined;
  return () => {
    const state = read();
    if (last?.state !== state) last = indexState(state);
    return last;
  };
}

/** The instance of this id. */
export function recordOf(index: DesiredIndex, instance: string): InstanceRecord | undefined {
  // A text that is no id is in no map.
  return index.state.instances.get(instance as InstanceId);
}

function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
