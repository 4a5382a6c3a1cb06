import type { AgentName, InstanceReport, NodeName, NodePeers } from '@meshwork/shared';
import { instancesOf, type InstanceRecord, type MeshState } from './mesh-state.ts';

/** What is known live of an instance, as far as others depend on it. */
export interface PeerSight {
  readonly isReady: boolean;
  /** Where its node's agents are reached. */
  readonly host?: string | undefined;
  readonly ports: InstanceReport['ports'];
}

/**
 * What the agents of one node depend on and does not run there: whether all of it is ready, and one address per port.
 *
 * Names in `dependsOn` are agents, else start groups. Sorted, so that equal knowledge makes an equal message.
 */
export function peersFor(
  node: NodeName,
  state: MeshState,
  see: (record: InstanceRecord) => PeerSight,
): NodePeers {
  const names = new Set<string>();
  for (const record of state.instances.values()) {
    if (record.node !== node) continue;
    const spec = state.fleets.get(record.fleet)?.agents.get(record.agent);
    for (const name of spec?.start.dependsOn ?? []) names.add(name);
  }
  const agents = new Map<AgentName, NodePeers['agents'][number]>();
  for (const [agent, group] of resolveNames(names, state)) {
    const elsewhere = instancesOf(state, agent).filter((record) => record.node !== node);
    if (elsewhere.length === 0) continue;
    const seen = elsewhere.map(see);
    const [usable] = seen.filter((sight) => sight.isReady && sight.host !== undefined);
    agents.set(agent, {
      agent,
      ...(group === undefined ? {} : { group }),
      ready: seen.every(({ isReady }) => isReady),
      addresses: Object.fromEntries(
        Object.entries(usable?.ports ?? {}).map(([name, port]) => [
          name,
          `${usable?.host}:${port}`,
        ]),
      ),
    });
  }
  return { agents: [...agents.values()].toSorted((a, b) => (a.agent < b.agent ? -1 : 1)) };
}

function resolveNames(
  names: ReadonlySet<string>,
  state: MeshState,
): ReadonlyMap<AgentName, string | undefined> {
  const found = new Map<AgentName, string | undefined>();
  const all = [...state.fleets.values()].flatMap(({ agents }) => [...agents]);
  const isAgent = new Set<string>(all.map(([agent]) => agent));
  for (const [agent, spec] of all) {
    const { group } = spec.start;
    const isNamed = names.has(agent);
    // A name that is an agent's means the agent, else the group.
    const isInNamed = group !== undefined && names.has(group) && !isAgent.has(group);
    if (isNamed || isInNamed) found.set(agent, group);
  }
  return found;
}
