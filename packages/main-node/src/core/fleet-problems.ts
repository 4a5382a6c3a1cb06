import type { AgentName, AgentSpec, Fleet, NodeName, StartPlan } from '@meshwork/shared';
import { fleetOf, type MeshState } from './mesh-state.ts';

/** One thing that makes a fleet document unfit for this mesh; the path leads into the document. */
export interface PlanProblem {
  readonly path: readonly (string | number)[];
  readonly code: string;
  readonly reason: string;
}

/** Names that other fleets have already, and nodes that are not in this mesh. */
export function findNameProblems(
  fleet: Fleet,
  state: MeshState,
  nodes: readonly NodeName[],
): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  for (const [agent, spec] of fleet.agents) {
    const owner = fleetOf(state, agent);
    if (owner !== undefined && owner.name !== fleet.name) {
      problems.push({
        path: ['agents', agent],
        code: 'agent-exists',
        reason: `the agent ${agent} belongs to fleet ${owner.name}; names are unique in a mesh`,
      });
    }
    const { node } = spec.placement;
    if (node !== undefined && !nodes.includes(node)) {
      const known = nodes.length === 0 ? 'it has no nodes yet' : `it has ${nodes.join(', ')}`;
      problems.push({
        path: ['agents', agent, 'placement', 'node'],
        code: 'node-unknown',
        reason: `no node ${node} is in this mesh; ${known}`,
      });
    }
  }
  return problems;
}

/** Two claims on one fixed port of a named node, in this file or against another fleet, and more replicas than ports. */
export function findPortProblems(fleet: Fleet, state: MeshState): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  const claims = new Map<string, { agent: AgentName; portName: string; of: string }>();
  for (const record of state.instances.values()) {
    const spec = state.fleets.get(record.fleet)?.agents.get(record.agent);
    if (spec === undefined || record.fleet === fleet.name) continue;
    for (const [portName, port] of fixedPorts(spec)) {
      claims.set(`${record.node}/${port}`, {
        agent: record.agent,
        portName,
        of: ` of fleet ${record.fleet}`,
      });
    }
  }
  for (const [agent, spec] of fleet.agents) {
    const own = new Map<number, string>();
    const { node } = spec.placement;
    for (const [portName, port] of fixedPorts(spec)) {
      const problem = (reason: string): void => {
        problems.push({ path: ['agents', agent, 'ports', portName], code: 'port-claimed', reason });
      };
      const twin = own.get(port);
      own.set(port, portName);
      if (twin !== undefined) problem(`port ${port} is already claimed by ${agent} as "${twin}"`);
      if (node === undefined) continue;
      if (spec.replicas > 1)
        problem(`${spec.replicas} replicas on ${node} cannot share port ${port}; use auto`);
      const holder = claims.get(`${node}/${port}`);
      if (holder === undefined) claims.set(`${node}/${port}`, { agent, portName, of: '' });
      else if (holder.agent !== agent) {
        problem(
          `port ${port} on ${node} is already claimed by ${holder.agent} ("${holder.portName}")${holder.of}`,
        );
      }
    }
  }
  return problems;
}

/** What the start order of the whole mesh says about this fleet, and, as warnings, about the others. */
export function findStartProblems(
  fleet: Fleet,
  start: StartPlan,
): { readonly problems: readonly PlanProblem[]; readonly warnings: readonly string[] } {
  const problems: PlanProblem[] = [];
  const warnings: string[] = [];
  const isOwn = (agent: string): boolean => fleet.agents.has(agent as AgentName);
  for (const problem of start.problems) {
    switch (problem.kind) {
      case 'unknown':
        if (!isOwn(problem.agent)) {
          warnings.push(`${problem.agent} depends on ${problem.name}, which is nowhere declared`);
          break;
        }
        problems.push({
          path: ['agents', problem.agent, 'start', 'dependsOn'],
          code: 'dependency-unknown',
          reason: `depends on "${problem.name}", which is no agent and no start group of this mesh`,
        });
        break;
      case 'self':
        problems.push({
          path: ['agents', problem.agent, 'start', 'dependsOn'],
          code: 'dependency-cycle',
          reason: `${problem.agent} depends on itself`,
        });
        break;
      case 'cycle':
        problems.push({
          path: ['agents'],
          code: 'dependency-cycle',
          reason: `start order goes in a circle: ${[...problem.groups, problem.groups[0]].join(' -> ')}`,
        });
        break;
      default:
        problem satisfies never;
    }
  }
  return { problems, warnings };
}

function fixedPorts(spec: AgentSpec): readonly (readonly [string, number])[] {
  return Object.entries(spec.ports).flatMap(([name, port]) =>
    port === 'auto' ? [] : [[name, port] as const],
  );
}
