import {
  phaseKey,
  planStart,
  toInstanceId,
  type AgentName,
  type AgentSpec,
  type Fleet,
  type NodeName,
  type PlanStep,
  type StartPlan,
} from '@meshwork/shared';
import { changedFields } from './changed-fields.ts';
import {
  findNameProblems,
  findPortProblems,
  findStartProblems,
  type PlanProblem,
} from './fleet-problems.ts';
import { fleetOf, instancesOf, specOf, type InstanceRecord, type MeshState } from './mesh-state.ts';
import {
  findMismatches,
  pickNodes,
  type Candidate,
  type Judgement,
  type PlacementRequest,
} from './placement.ts';
import { claimPorts, type PortClaims } from './port-claims.ts';

/** What applying a fleet would do. */
export interface FleetPlan {
  readonly steps: readonly PlanStep[];
  readonly problems: readonly PlanProblem[];
  readonly warnings: readonly string[];
}

/** Fields that `node.check` looks at: a change of them is checked again where the instance already is. */
const checkedFields = /^(command|cwd|user|envFile|ports)(\.|$)/;

/** Fields that say where instances are and how many, not what one is. */
const spreadFields = /^(replicas|placement)(\.|$)/;

/**
 * Compares a fleet with what is desired now: a step per instance, and everything that is wrong.
 *
 * Pure. `candidates` are the accepted nodes. Existing placements stay as long as the spec still wants their node.
 */
export function planFleet(
  fleet: Fleet,
  context: { readonly state: MeshState; readonly candidates: readonly Candidate[] },
): FleetPlan {
  const { state, candidates } = context;
  const nodes = candidates.map(({ node }) => node);
  const present = presentSteps(fleet, context);
  const claims = claimsOfOthers(fleet, state);
  const settled = present.kept.map((step) => claimKept(step, fleet, claims));
  const placements = pickNodes(present.wanted, {
    candidates,
    claims,
    placed: nodesByAgent(settled),
  });
  const placed = present.wanted.map((request): PlanStep => {
    const placement = placements.get(request.instance);
    const from = state.instances.get(request.instance)?.node;
    const about = { agent: request.agent, instance: request.instance };
    const meant = (placement?.candidates ?? []).filter(({ node }) => isMeant(request.spec, node));
    const listed = { candidates: meant.map(copyJudgement) };
    if (placement?.node === undefined) {
      const reason = whyNowhere(request.spec, meant);
      return { ...about, ...listed, change: 'impossible', reason };
    }
    if (from === undefined) return { ...about, ...listed, change: 'add', node: placement.node };
    return { ...about, ...listed, change: 'move', node: placement.node, reason: `from ${from}` };
  });

  const living = [...settled, ...placed];
  const start = startOf(fleet, state, living);
  const { problems, warnings } = findStartProblems(fleet, start);
  return {
    steps: [...living, ...present.removed]
      .map((step) => withPhase(step, fleet, start))
      .toSorted((a, b) => (a.phase ?? Infinity) - (b.phase ?? Infinity)),
    problems: [
      ...findNameProblems(fleet, state, nodes),
      ...findPortProblems(fleet, state),
      ...problems,
    ],
    warnings: [...present.warnings, ...warnings],
  };
}

/** Start order of the mesh as it would be; `steps` are the fleet's own instances. */
export function startOf(
  fleet: Fleet | undefined,
  state: MeshState,
  steps: readonly PlanStep[],
): StartPlan {
  const nodesOf = new Map<AgentName, Set<NodeName>>();
  const add = (agent: AgentName, node: NodeName | undefined): void => {
    if (node === undefined) return;
    const set = nodesOf.get(agent) ?? new Set();
    nodesOf.set(agent, set.add(node));
  };
  for (const record of state.instances.values())
    if (record.fleet !== fleet?.name) add(record.agent, record.node);
  for (const step of steps) add(step.agent, step.node);
  const specs = [...state.fleets.values()]
    .filter(({ name }) => name !== fleet?.name)
    .flatMap(({ agents }) => [...agents]);
  if (fleet !== undefined) specs.push(...fleet.agents);
  return planStart(
    specs.map(([agent, spec]) => ({
      agent,
      group: spec.start.group,
      dependsOn: spec.start.dependsOn,
      nodes: [...(nodesOf.get(agent) ?? [])],
    })),
  );
}

/** What is there already (kept or gone), and what needs a place. */
function presentSteps(
  fleet: Fleet,
  { state, candidates }: { readonly state: MeshState; readonly candidates: readonly Candidate[] },
): {
  readonly kept: readonly PlanStep[];
  readonly wanted: readonly PlacementRequest[];
  readonly removed: readonly PlanStep[];
  readonly warnings: readonly string[];
} {
  const kept: PlanStep[] = [];
  const wanted: PlacementRequest[] = [];
  const removed: PlanStep[] = [];
  const warnings: string[] = [];
  const byNode = new Map(candidates.map((candidate) => [candidate.node, candidate]));
  const remove = (record: InstanceRecord): void => {
    const { agent, instance, node } = record;
    removed.push({ agent, instance, change: 'remove', node });
  };
  for (const record of state.instances.values())
    if (record.fleet === fleet.name && !fleet.agents.has(record.agent)) remove(record);

  for (const [agent, spec] of fleet.agents) {
    // An agent of another fleet is a problem of its own; planning it here would only repeat that.
    const owner = fleetOf(state, agent);
    if (owner !== undefined && owner.name !== fleet.name) continue;
    const wantedIds = Array.from({ length: spec.replicas }, (_, at) => toInstanceId(agent, at));
    for (const record of instancesOf(state, agent))
      if (!wantedIds.includes(record.instance)) remove(record);
    for (const instance of wantedIds) {
      const record = state.instances.get(instance);
      const candidate = record && byNode.get(record.node);
      if (
        record === undefined ||
        candidate === undefined ||
        findMismatches(spec, candidate).length > 0
      ) {
        wanted.push({ instance, agent, fleet: fleet.name, spec });
        continue;
      }
      const fields = changedFields(specOf(state, record), spec).filter(
        (field) => !spreadFields.test(field),
      );
      kept.push(toKeptStep(record, fields, candidate));
      if (fields.length > 0 && candidate.state !== 'alive') {
        warnings.push(
          `${instance} is on ${record.node}, which is ${candidate.state}: the change was not checked there and takes effect when it is back`,
        );
      }
    }
  }
  return { kept, wanted, removed, warnings };
}

function toKeptStep(
  record: InstanceRecord,
  fields: readonly string[],
  candidate: Candidate,
): PlanStep {
  const { agent, instance, node } = record;
  if (fields.length === 0) return { agent, instance, change: 'none', node };
  const isChecked = fields.some((field) => checkedFields.test(field));
  const reasons = isChecked
    ? (candidate.checks.get(agent) ?? []).map(({ message }) => message)
    : [];
  if (reasons.length === 0) return { agent, instance, change: 'change', node, fields: [...fields] };
  return {
    agent,
    instance,
    change: 'impossible',
    node,
    fields: [...fields],
    reason: reasons.join('; '),
    candidates: [{ node, fits: false, reasons }],
  };
}

/** Fixed ports that instances of other fleets hold. */
function claimsOfOthers(fleet: Fleet, state: MeshState): PortClaims {
  const claims: PortClaims = new Map();
  for (const record of state.instances.values()) {
    const spec = specOf(state, record);
    if (record.fleet !== fleet.name && spec !== undefined)
      claimPorts(claims, record.node, { ...record, spec });
  }
  return claims;
}

function claimKept(step: PlanStep, fleet: Fleet, claims: PortClaims): PlanStep {
  const spec = fleet.agents.get(step.agent);
  const { agent, instance, node } = step;
  if (spec === undefined || instance === undefined || node === undefined) return step;
  const conflicts = claimPorts(claims, node, { instance, agent, fleet: fleet.name, spec });
  if (conflicts.length === 0) return step;
  return {
    ...step,
    change: 'impossible',
    reason: conflicts.join('; '),
    candidates: [{ node, fits: false, reasons: [...conflicts] }],
  };
}

function nodesByAgent(steps: readonly PlanStep[]): ReadonlyMap<AgentName, readonly NodeName[]> {
  const nodes = new Map<AgentName, NodeName[]>();
  for (const { agent, node } of steps)
    if (node !== undefined) nodes.set(agent, [...(nodes.get(agent) ?? []), node]);
  return nodes;
}

function withPhase(step: PlanStep, fleet: Fleet, start: StartPlan): PlanStep {
  const spec: AgentSpec | undefined = fleet.agents.get(step.agent);
  const phase = step.node && start.phases.get(phaseKey(step.node, step.agent));
  return {
    ...step,
    ...(spec?.start.group === undefined ? {} : { group: spec.start.group }),
    ...(phase === undefined || step.change === 'remove' ? {} : { phase }),
  };
}

/** Of an agent with a named node the other nodes are no news. */
function isMeant(spec: AgentSpec, node: NodeName): boolean {
  return spec.placement.node === undefined || spec.placement.node === node;
}

/** One sentence per node that was meant. */
function whyNowhere(spec: AgentSpec, meant: readonly Judgement[]): string {
  if (meant.length === 0) {
    const { node } = spec.placement;
    return node === undefined ? 'the mesh has no nodes' : `no node ${node} is in this mesh`;
  }
  return meant.map(({ node, reasons }) => `${node}: ${reasons.join(', ')}`).join('; ');
}

function copyJudgement({
  node,
  fits,
  reasons,
}: Judgement): NonNullable<PlanStep['candidates']>[number] {
  return { node, fits, reasons: [...reasons] };
}

/** Instances that a plan would place anew, with the agents' specs: what has to be checked on the nodes first. */
export function agentsToCheck(
  plan: FleetPlan,
  fleet: Fleet,
): readonly {
  readonly agent: AgentName;
  readonly spec: AgentSpec;
  readonly on: NodeName | undefined;
}[] {
  const asked = new Map<string, { agent: AgentName; spec: AgentSpec; on: NodeName | undefined }>();
  for (const step of plan.steps) {
    const spec = fleet.agents.get(step.agent);
    if (spec === undefined) continue;
    const isNew = step.change === 'add' || step.change === 'move' || step.candidates !== undefined;
    const isChanged =
      step.change === 'change' && (step.fields ?? []).some((field) => checkedFields.test(field));
    if (isNew) asked.set(step.agent, { agent: step.agent, spec, on: undefined });
    else if (isChanged && step.node !== undefined)
      asked.set(`${step.agent}/${step.node}`, { agent: step.agent, spec, on: step.node });
  }
  return [...asked.values()];
}
