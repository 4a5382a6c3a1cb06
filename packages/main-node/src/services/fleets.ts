import {
  FleetName,
  MeshError,
  parseFleet,
  type Actor,
  type Fleet,
  type FleetInput,
  type FleetRow,
  type Plan,
} from '@meshwork/shared';
import { adoptForFleet, type UnclaimedInstance } from '../core/adopt-instance.ts';
import { applyPlan, removeFleet, type Transition } from '../core/apply-plan.ts';
import { refuseTooLarge } from '../core/assignment-size.ts';
import { changedFields } from '../core/changed-fields.ts';
import { indexState } from '../core/desired-index.ts';
import type { MeshState } from '../core/mesh-state.ts';
import { planFleet, type FleetPlan } from '../core/plan-fleet.ts';
import type { AgentOrders } from './agent-orders.ts';
import {
  copyProblem,
  fleetUnknown,
  invalid,
  InvalidFleet,
  nameIn,
  refuseUnfit,
  toPlan,
} from './fleet-answers.ts';
import type { Checks, NodeChecks } from './node-checks.ts';
import type { StateKeeper } from './state-keeper.ts';

/** Plans, applies, removes and exports fleets. */
export interface Fleets {
  /** Changes nothing. Problems of the document are in the plan, not thrown. */
  plan(input: FleetInput): Promise<Plan>;
  /**
   * Makes the fleet's agents equal to the document, as a whole or not at all.
   *
   * Throws MESH_FLEET_INVALID, MESH_PLACEMENT_IMPOSSIBLE, MESH_PLAN_STALE, MESH_TOO_LARGE, and what a change throws.
   */
  apply(name: string, input: FleetInput, actor: Actor): Promise<Plan>;
  /** Throws MESH_FLEET_UNKNOWN. */
  remove(name: string, actor: Actor): Promise<Plan>;
  list(): readonly FleetRow[];
  /** With its document. Throws MESH_FLEET_UNKNOWN. */
  get(name: string): FleetRow;
}

/** What was found out about a document before anything is decided. */
interface Prepared {
  readonly fleet: Fleet;
  readonly document: unknown;
  readonly checks: Checks;
  /** Instances of this fleet that run on although the records do not know them. */
  readonly unclaimed: readonly UnclaimedInstance[];
}

/** Fleets over the desired state; nodes are asked (`node.check`) before anything is placed. */
export function createFleets(deps: {
  readonly keeper: Pick<StateKeeper, 'state' | 'change' | 'mintEpoch'>;
  readonly nodeChecks: NodeChecks;
  readonly orders: Pick<AgentOrders, 'describeUnclaimed'>;
}): Fleets {
  const { keeper, nodeChecks } = deps;

  async function prepare(input: FleetInput): Promise<Prepared> {
    const parsed = parseFleet(input.document, { fleetDir: input.fleetDir });
    if (!parsed.ok) throw new InvalidFleet(parsed.problems.map(copyProblem));
    const { fleet, document } = parsed;
    const unclaimed = await deps.orders.describeUnclaimed(fleet.name);
    const { state } = adoptForFleet(keeper.state, fleet, unclaimed);
    return { fleet, document, unclaimed, checks: await nodeChecks.check(fleet, state) };
  }

  /** What runs unclaimed under the names of this fleet is taken over first, so that it is not placed a second time. */
  function planOn(
    before: MeshState,
    { fleet, checks, unclaimed }: Prepared,
  ): { readonly adopted: Transition; readonly plan: FleetPlan } {
    const adopted = adoptForFleet(before, fleet, unclaimed);
    const { state } = adopted;
    const plan = planFleet(fleet, { state, candidates: nodeChecks.candidates(state, checks) });
    return { adopted, plan };
  }

  function decide(
    state: MeshState,
    prepared: Prepared,
  ): Transition & { readonly result: FleetPlan } {
    const { fleet, document } = prepared;
    const { adopted, plan } = planOn(state, prepared);
    refuseUnfit(fleet.name, plan);
    const known = state.fleets.get(fleet.name);
    const isSameDocument =
      known !== undefined && changedFields(known.document, document).length === 0;
    const { mintEpoch } = keeper;
    const next = applyPlan(adopted.state, plan, { fleet, document, isSameDocument, mintEpoch });
    const nodes = new Set(plan.steps.flatMap(({ node }) => node ?? []));
    refuseTooLarge(indexState(next.state), nodes);
    return { state: next.state, events: [...next.events, ...adopted.events], result: plan };
  }

  return {
    async plan(input) {
      try {
        const prepared = await prepare(input);
        const { plan } = planOn(keeper.state, prepared);
        return toPlan(prepared.fleet.name, keeper.state, plan, false);
      } catch (error) {
        if (!(error instanceof InvalidFleet)) throw error;
        return {
          fleet: nameIn(input.document),
          revision: keeper.state.revision,
          applied: false,
          steps: [],
          problems: error.problems,
          warnings: [],
        };
      }
    },
    async apply(name, input, actor) {
      const prepared = await prepare(input).catch((error: unknown) => {
        throw error instanceof InvalidFleet ? invalid(name, error.problems) : error;
      });
      if (prepared.fleet.name !== name) {
        const reason = `the document is of fleet ${prepared.fleet.name}, not of ${name}`;
        throw invalid(name, [{ path: ['fleet'], code: 'invalid', reason }]);
      }
      const plan = await keeper.change(actor, (state) => {
        refuseStale(name, state, input.expectRevision);
        // Planned anew on the state of this moment: what was checked on the nodes still holds.
        return decide(state, prepared);
      });
      return toPlan(prepared.fleet.name, keeper.state, plan, true);
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

function refuseStale(name: string, state: MeshState, expected: number | undefined): void {
  if (expected === undefined || expected === state.revision) return;
  throw new MeshError(
    'MESH_PLAN_STALE',
    `cannot apply ${name}: the state has revision ${state.revision}, not ${expected}; plan again`,
    { details: { revision: state.revision, expected } },
  );
}
