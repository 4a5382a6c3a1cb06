import {
  NodeCheck,
  type AgentName,
  type AgentSpec,
  type Fleet,
  type Hub,
  type Logger,
  type NodeName,
} from '@meshwork/shared';
import type { MeshState } from '../core/mesh-state.ts';
import { judge, type Candidate } from '../core/placement.ts';
import { agentsToCheck, planFleet } from '../core/plan-fleet.ts';
import type { LiveNodes } from './live-nodes.ts';

const checkMs = 10_000;
/** Agents in one `node.check`, so that it stays below the largest message. */
const agentsPerCheck = 100;

/** What nodes answered, by node and agent; who was not asked has no entry. */
export type Checks = ReadonlyMap<
  NodeName,
  ReadonlyMap<AgentName, readonly { readonly message: string }[]>
>;

/** Knows which nodes could take an agent. */
export interface NodeChecks {
  /** Asks each node about the agents of a fleet that it might get; one that does not answer cannot be chosen. */
  check(fleet: Fleet, state: MeshState): Promise<Checks>;
  /** The accepted nodes as placement sees them now. */
  candidates(state: MeshState, checks: Checks): readonly Candidate[];
}

/** Asks by `node.check`, which changes nothing on the node. */
export function createNodeChecks(deps: {
  readonly hub: Pick<Hub, 'request'>;
  readonly live: Pick<LiveNodes, 'nodes'>;
  readonly logger: Logger;
}): NodeChecks {
  const { hub, live, logger } = deps;

  function candidates(state: MeshState, checks: Checks): readonly Candidate[] {
    const counts = new Map<NodeName, number>();
    for (const { node } of state.instances.values()) counts.set(node, (counts.get(node) ?? 0) + 1);
    return [...state.nodes.values()]
      .filter(({ admission }) => admission === 'accepted')
      .map(({ name, isCordoned }) => ({
        node: name,
        state: live.nodes.get(name)?.member.status ?? 'unknown',
        isCordoned,
        labels: live.nodes.get(name)?.facts?.labels,
        instances: counts.get(name) ?? 0,
        checks: checks.get(name) ?? new Map(),
      }))
      .toSorted((a, b) => (a.node < b.node ? -1 : 1));
  }

  /** Asks each node about the agents that it might get; one that does not answer cannot be chosen. */
  async function check(fleet: Fleet, state: MeshState): Promise<Checks> {
    const nodes = candidates(state, new Map());
    const first = planFleet(fleet, { state, candidates: nodes });
    const asks = new Map<NodeName, Map<AgentName, AgentSpec>>();
    for (const { agent, spec, on } of agentsToCheck(first, fleet)) {
      for (const node of nodes) {
        const isMeant =
          on === undefined
            ? judge({ agent, spec }, node).length === 0
            : on === node.node && node.state === 'alive';
        if (!isMeant) continue;
        const ask = asks.get(node.node) ?? new Map<AgentName, AgentSpec>();
        asks.set(node.node, ask.set(agent, spec));
      }
    }
    const answers = await Promise.all(
      [...asks].map(async ([node, agents]) => [node, await checkOn(node, agents)] as const),
    );
    return new Map(answers);
  }

  async function checkOn(
    node: NodeName,
    agents: ReadonlyMap<AgentName, AgentSpec>,
  ): Promise<ReadonlyMap<AgentName, readonly { readonly message: string }[]>> {
    const all = [...agents].map(([agent, spec]) => ({ agent, spec }));
    const found = new Map<AgentName, readonly { readonly message: string }[]>();
    for (let at = 0; at < all.length; at += agentsPerCheck) {
      const part = all.slice(at, at + agentsPerCheck);
      const outcome = await hub.request(node, NodeCheck, { agents: part }, { timeoutMs: checkMs });
      if (outcome.status === 'answered') {
        for (const { agent, problems } of outcome.answer.results) found.set(agent, problems);
        continue;
      }
      const message = `the node could not be asked (${outcome.error.message})`;
      logger.warn({ node, code: outcome.error.code }, 'node.check failed');
      for (const { agent } of part) found.set(agent, [{ message }]);
    }
    return found;
  }

  return { check, candidates };
}
