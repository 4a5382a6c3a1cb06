import type { AgentName, InstanceReport, NodeName, NodePeers } from '@meshwork/shared';
import type { DesiredIndex } from './desired-index.ts';
import { specOf, type InstanceRecord } from './mesh-state.ts';

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
  index: DesiredIndex,
  see: (record: InstanceRecord) => PeerSight,
): NodePeers {
  const names = new Set<string>();
  for (const record of index.byNode.get(node) ?? []) {
    for (const name of specOf(index.state, record)?.start.dependsOn ?? []) names.add(name);
  }
  const needed = new Set([...names].flatMap((name) => agentsNamed(name, index)));
  const agents = [...needed].flatMap((agent) => {
    const elsewhere = (index.byAgent.get(agent) ?? []).filter((record) => record.node !== node);
    return elsewhere.length === 0
      ? []
      : [toPeer(agent, index.groupOf.get(agent), elsewhere.map(see))];
  });
  return { agents: agents.toSorted((a, b) => (a.agent < b.agent ? -1 : 1)) };
}

function toPeer(
  agent: AgentName,
  group: string | undefined,
  seen: readonly PeerSight[],
): NodePeers['agents'][number] {
  const usable = seen.find((sight) => sight.isReady && sight.host !== undefined);
  return {
    agent,
    ...(group === undefined ? {} : { group }),
    ready: seen.every(({ isReady }) => isReady),
    addresses: Object.fromEntries(
      Object.entries(usable?.ports ?? {}).map(([name, port]) => [name, `${usable?.host}:${port}`]),
    ),
  };
}

/** A name that is an agent's means the agent, else the start group. */
function agentsNamed(name: string, index: DesiredIndex): readonly AgentName[] {
  const agent = name as AgentName;
  return index.groupOf.has(agent) ? [agent] : (index.agentsOfGroup.get(name) ?? []);
}
