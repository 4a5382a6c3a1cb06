import {
  FleetName,
  MeshError,
  NodeCheck,
  parseFleet,
  type Actor,
  type AgentName,
  type AgentSpec,
  type Fleet,
  type FleetInput,
  type FleetRow,
  type Hub,
  type Logger,
  type NodeName,
  type Plan,
} from '@meshwork/shared';
import { applyPlan, removeFleet } from '../core/apply-plan.ts';
import { refuseTooLarge } from '../core/assignment-size.ts';
import { changedFields } from '../core/changed-fields.ts';
import { indexState } from '../core/desired-index.ts';
import type { MeshState } from '../core/mesh-state.ts';
import { judge, type Candidate } from '../core/placement.ts';
import { agentsToCheck, planFleet, type FleetPlan } from '../core/plan-fleet.ts';
import type { LiveNodes } from './live-nodes.ts';
import type { StateKeeper } from './state-keeper.ts';

const checkMs = 10_000;
/** Agents in one `node.check`, so that it stays below the largest message. */
const agentsPerCheck = 100;

/** Plans, applies, removes and exports fleets. */
export interface Fleets {
  /** Changes nothing. Problems of the document are in the plan, not thrown. */
  plan(input: FleetInput): Promise<Plan>;
  /**
   * Makes the fleet's agents equal to the document, as a whole or not at all.
   *
   * Throws MESH_FLEET_INVALID, MESH_PLACEMENT_IMPOSSIBLE, MESH_PLAN_STALE, and what a change throws.
   */
  apply(name: string, input: FleetInput, actor: Actor): Promise<Plan>;
  /** Throws MESH_FLEET_UNKNOWN. */
  remove(name: string, actor: Actor): Promise<Plan>;
  list(): readonly FleetRow[];
  /** With its document. Throws MESH_FLEET_UNKNOWN. */
  get(name: string): FleetRow;
}

type Checks = ReadonlyMap<
  NodeName,
  ReadonlyMap<AgentName, readonly { readonly message: string }[]>
>;

/** Fleets over the desired state; nodes are asked (`node.check`) before anything is placed. */
export function createFleets(deps: {
  readonly keeper: Pick<StateKeeper, 'state' | 'change' | 'mintEpoch'>;
  readonly live: Pick<LiveNodes, 'nodes'>;
  readonly hub: Pick<Hub, 'request'>;
  readonly logger: Logger;
}): Fleets {
  const { keeper, live, hub, logger } = deps;

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
  async function check(fleet: Fleet): Promise<Checks> {
    const state = keeper.state;
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

  async function prepare(input: FleetInput): Promise<{
    readonly fleet: Fleet;
    readonly document: unknown;
    readonly checks: Checks;
  }> {
    const parsed = parseFleet(input.document, { fleetDir: input.fleetDir });
    if (!parsed.ok) throw new InvalidFleet(parsed.problems.map(copyProblem));
    return {
      fleet: parsed.fleet,
      document: parsed.document,
      checks: await check(parsed.fleet),
    };
  }

  function planOn(state: MeshState, fleet: Fleet, checks: Checks): FleetPlan {
    return planFleet(fleet, { state, candidates: candidates(state, checks) });
  }

  return {
    async plan(input) {
      try {
        const { fleet, checks } = await prepare(input);
        return toPlan(fleet.name, keeper.state, planOn(keeper.state, fleet, checks), false);
      } catch (error) {
        if (!(error instanceof InvalidFleet)) throw error;
        const { revision } = keeper.state;
        const fleet = nameIn(input.document);
        return {
          fleet,
          revision,
          applied: false,
          steps: [],
          problems: error.problems,
          warnings: [],
        };
      }
    },
    async apply(name, input, actor) {
      const { fleet, document, checks } = await prepare(input).catch((error: unknown) => {
        throw error instanceof InvalidFleet ? invalid(name, error.problems) : error;
      });
      if (fleet.name !== name) {
        const reason = `the document is of fleet ${fleet.name}, not of ${name}`;
        throw invalid(name, [{ path: ['fleet'], code: 'invalid', reason }]);
      }
      const plan = await keeper.change(actor, (state) => {
        if (input.expectRevision !== undefined && input.expectRevision !== state.revision) {
          throw new MeshError(
            'MESH_PLAN_STALE',
            `cannot apply ${name}: the state has revision ${state.revision}, not ${input.expectRevision}; plan again`,
            { details: { revision: state.revision, expected: input.expectRevision } },
          );
        }
        // Planned anew on the state of this moment: what was checked on the nodes still holds.
        const decided = planOn(state, fleet, checks);
        refuseUnfit(name, decided);
        const known = state.fleets.get(fleet.name);
        const isSameDocument =
          known !== undefined && changedFields(known.document, document).length === 0;
        const { mintEpoch } = keeper;
        const next = applyPlan(state, decided, { fleet, document, isSameDocument, mintEpoch });
        const nodes = new Set(decided.steps.flatMap(({ node }) => node ?? []));
        refuseTooLarge(indexState(next.state), nodes);
        return { ...next, result: decided };
      });
      return toPlan(fleet.name, keeper.state, plan, true);
    },
    async remove(name, actor) {
      const fleet = FleetName.safeParse(name);
      const steps = await keeper.change(actor, (state) => {
        const next = fleet.success ? removeFleet(state, fleet.data) : undefined;
        if (next === undefined) throw fleetUnknown(name, state);
        const gone = [...state.instances.values()].filter((record) => record.fleet === name);
        return { ...next, result: gone };
      });
      return {
        fleet: name,
        revision: keeper.state.revision,
        applied: true,
        steps: steps.map(({ agent, instance, node }) => ({
          agent,
          instance,
          node,
          change: 'remove',
        })),
        problems: [],
        warnings: [],
      };
    },
    list: () =>
      [...keeper.state.fleets.values()].map(({ name, agents, revision }) => ({
        fleet: name,
        agents: agents.size,
        revision,
      })),
    get(name) {
      const fleet = [...keeper.state.fleets.values()].find((one) => one.name === name);
      if (fleet === undefined) throw fleetUnknown(name, keeper.state);
      const { agents, revision, document } = fleet;
      return { fleet: fleet.name, agents: agents.size, revision, document };
    },
  };
}

/** A document that cannot be parsed; its problems are an answer of `plan` and an error of `apply`. */
class InvalidFleet extends Error {
  override readonly name = 'InvalidFleet';
  readonly problems: Plan['problems'];
  constructor(problems: Plan['problems']) {
    super('the fleet document is invalid');
    this.problems = problems;
  }
}

function refuseUnfit(name: string, plan: FleetPlan): void {
  if (plan.problems.length > 0) throw invalid(name, plan.problems.map(copyProblem));
  const stuck = plan.steps.filter(({ change }) => change === 'impossible');
  if (stuck.length === 0) return;
  const lines = stuck.map(({ agent, instance, reason }) => `${instance ?? agent}: ${reason}`);
  throw new MeshError(
    'MESH_PLACEMENT_IMPOSSIBLE',
    `cannot apply ${name}, nothing was changed: no place for ${stuck.length} of ${plan.steps.length} instances\n${lines.join('\n')}`,
    {
      details: {
        steps: stuck,
        candidates: Object.fromEntries(
          stuck.map(({ agent, instance, candidates }) => [instance ?? agent, candidates ?? []]),
        ),
      },
    },
  );
}

function invalid(name: string, problems: Plan['problems']): MeshError {
  const lines = problems.map(({ path, reason }) => `${path.join('.') || '(document)'}: ${reason}`);
  return new MeshError(
    'MESH_FLEET_INVALID',
    `cannot apply ${name}, nothing was changed: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}\n${lines.join('\n')}`,
    { details: { problems } },
  );
}

function fleetUnknown(name: string, state: MeshState): MeshError {
  const known = [...state.fleets.keys()];
  const hint = known.length === 0 ? 'none is applied' : `there is ${known.join(', ')}`;
  return new MeshError('MESH_FLEET_UNKNOWN', `no fleet ${name} is applied; ${hint}`, {
    details: { fleet: name },
  });
}

function toPlan(fleet: string, state: MeshState, plan: FleetPlan, applied: boolean): Plan {
  return {
    fleet,
    revision: state.revision,
    applied,
    steps: [...plan.steps],
    problems: plan.problems.map(copyProblem),
    warnings: [...plan.warnings],
  };
}

function copyProblem(problem: {
  readonly path: readonly (string | number)[];
  readonly code: string;
  readonly reason: string;
}): Plan['problems'][number] {
  return { path: [...problem.path], code: problem.code, reason: problem.reason };
}

function nameIn(document: unknown): string {
  const name =
    typeof document === 'object' && document !== null && 'fleet' in document
      ? document.fleet
      : undefined;
  return typeof name === 'string' ? name : '';
}
