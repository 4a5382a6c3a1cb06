import type {
  AgentName,
  AgentSpec,
  FleetName,
  InstanceId,
  Labels,
  NodeName,
  NodeState,
} from '@meshwork/shared';
import { claimPorts, findConflicts, type PortClaims } from './port-claims.ts';

/** A node as placement sees it now. */
export interface Candidate {
  readonly node: NodeName;
  readonly state: NodeState;
  readonly isCordoned: boolean;
  /** Absent while the node has not said hello to this main node. */
  readonly labels: Labels | undefined;
  /** Instances of all fleets that have their place here. */
  readonly instances: number;
  /** Answers of `node.check`, by agent; an agent without an entry was not asked about. */
  readonly checks: ReadonlyMap<AgentName, readonly { readonly message: string }[]>;
}

/** One instance that needs a place. */
export interface PlacementRequest {
  readonly instance: InstanceId;
  readonly agent: AgentName;
  readonly fleet: FleetName;
  readonly spec: AgentSpec;
}

/** Why a node fits or not. */
export interface Judgement {
  readonly node: NodeName;
  readonly fits: boolean;
  readonly reasons: readonly string[];
}

/** Where an instance goes, or why it can go nowhere. */
export interface Placement {
  readonly instance: InstanceId;
  readonly node: NodeName | undefined;
  readonly candidates: readonly Judgement[];
}

/**
 * What in the spec speaks against this node; what is there already stays as long as there is nothing.
 *
 * A node that was not heard yet keeps what it has: its labels are not known.
 */
export function findMismatches(
  spec: AgentSpec,
  candidate: Pick<Candidate, 'node' | 'labels'>,
): readonly string[] {
  const { node, labels } = spec.placement;
  if (node !== undefined && node !== candidate.node) return [`the agent is placed on ${node}`];
  if (candidate.labels === undefined) return [];
  return Object.entries(labels ?? {}).flatMap(([key, value]) =>
    candidate.labels?.[key] === value
      ? []
      : [`label ${key}=${value} is missing${describe(candidate.labels?.[key])}`],
  );
}

/** Everything that speaks against placing something new on a node, ports aside. */
export function judge(
  request: { readonly agent: AgentName; readonly spec: AgentSpec },
  candidate: Candidate,
): readonly string[] {
  const reasons = [...findMismatches(request.spec, candidate)];
  if (candidate.state !== 'alive') reasons.push(`the node is ${candidate.state}`);
  if (candidate.isCordoned) reasons.push('the node is cordoned');
  for (const { message } of candidate.checks.get(request.agent) ?? []) reasons.push(message);
  return reasons;
}

/**
 * Finds a node for each instance: one that fits, with the fewest instances of that agent, then the fewest of all, then by name.
 *
 * Pure and stable: the same input gives the same places. Who has fewest choices goes first. `claims` holds the fixed ports
 * that are given away and gets those of the instances that are placed here; `placed` says where the other instances of an agent are.
 */
export function pickNodes(
  requests: readonly PlacementRequest[],
  context: {
    readonly candidates: readonly Candidate[];
    readonly claims: PortClaims;
    readonly placed: ReadonlyMap<AgentName, readonly NodeName[]>;
  },
): ReadonlyMap<InstanceId, Placement> {
  const total = new Map(context.candidates.map(({ node, instances }) => [node, instances]));
  const ofAgent = new Map<string, number>();
  const count = (agent: AgentName, node: NodeName): number => ofAgent.get(`${agent}/${node}`) ?? 0;
  const take = (agent: AgentName, node: NodeName): void => {
    ofAgent.set(`${agent}/${node}`, count(agent, node) + 1);
    total.set(node, (total.get(node) ?? 0) + 1);
  };
  for (const [agent, nodes] of context.placed) {
    for (const node of nodes) ofAgent.set(`${agent}/${node}`, count(agent, node) + 1);
  }

  const judged = requests.map((request) => {
    const judgements = context.candidates.map((candidate) => ({
      node: candidate.node,
      reasons: judge(request, candidate),
    }));
    return {
      request,
      judgements,
      choices: judgements.filter(({ reasons }) => reasons.length === 0).length,
    };
  });

  const placements = new Map<InstanceId, Placement>();
  for (const { request, judgements } of judged.toSorted((a, b) => a.choices - b.choices)) {
    const candidates = judgements.map(({ node, reasons }): Judgement => {
      const all = [...reasons, ...findConflicts(context.claims, node, request)];
      return { node, fits: all.length === 0, reasons: all };
    });
    const [best] = candidates
      .filter(({ fits }) => fits)
      .toSorted(
        (a, b) =>
          count(request.agent, a.node) - count(request.agent, b.node) ||
          (total.get(a.node) ?? 0) - (total.get(b.node) ?? 0) ||
          (a.node < b.node ? -1 : 1),
      );
    if (best !== undefined) {
      claimPorts(context.claims, best.node, request);
      take(request.agent, best.node);
    }
    placements.set(request.instance, {
      instance: request.instance,
      node: best?.node,
      candidates,
    });
  }
  return placements;
}

function describe(value: string | undefined): string {
  return value === undefined ? '' : ` (it is ${value})`;
}
