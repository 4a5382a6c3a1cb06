import type { Epoch, Fleet, FleetName, PlanStep } from '@meshwork/shared';
import type { FleetPlan } from './plan-fleet.ts';
import { withEntry, withoutEntry, type InstanceRecord, type MeshState } from './mesh-state.ts';
import type { EventBody } from './new-event.ts';

/** A next state and what to tell about the way there. */
export interface Transition {
  readonly state: MeshState;
  readonly events: readonly EventBody[];
}

/**
 * The state after applying a plan without problems. Nothing changes, and no event comes, where the plan is empty and the
 * document the same.
 *
 * What an operator stopped stays stopped. A moved instance gets a new epoch, a changed one keeps its own.
 */
export function applyPlan(
  state: MeshState,
  plan: FleetPlan,
  input: {
    readonly fleet: Fleet;
    readonly document: unknown;
    readonly isSameDocument: boolean;
    readonly mintEpoch: () => Epoch;
  },
): Transition {
  const { fleet, document, mintEpoch } = input;
  const instances = new Map(state.instances);
  const events: EventBody[] = [];
  for (const step of plan.steps) {
    if (step.instance === undefined) continue;
    const before = instances.get(step.instance);
    if (step.change === 'remove') {
      instances.delete(step.instance);
      events.push(removedEvent(step, before));
    } else if ((step.change === 'add' || step.change === 'move') && step.node !== undefined) {
      const record: InstanceRecord = {
        instance: step.instance,
        agent: step.agent,
        fleet: fleet.name,
        node: step.node,
        epoch: mintEpoch(),
        nonce: 0,
        desired: before?.desired ?? 'run',
      };
      instances.set(step.instance, record);
      events.push({
        kind: 'agent.placed',
        agent: step.agent,
        instance: step.instance,
        epoch: record.epoch,
        ...(before === undefined ? {} : { before: before.node }),
        after: step.node,
      });
    }
  }
  const isChanged = plan.steps.some(({ change }) => change !== 'none') || !input.isSameDocument;
  if (!isChanged) return { state, events: [] };
  const known = state.fleets.get(fleet.name);
  const record = {
    name: fleet.name,
    document,
    agents: fleet.agents,
    revision: state.revision + 1,
  };
  return {
    state: { ...state, instances, fleets: withEntry(state.fleets, fleet.name, record) },
    events: [
      {
        kind: 'fleet.applied',
        fleet: fleet.name,
        ...(known === undefined ? {} : { before: known.document }),
        after: document,
        summary: summarize(plan.steps),
      },
      ...events,
    ],
  };
}

/** The state without a fleet and its instances; undefined when there is no such fleet. */
export function removeFleet(state: MeshState, name: FleetName): Transition | undefined {
  const fleet = state.fleets.get(name);
  if (fleet === undefined) return undefined;
  const instances = new Map(state.instances);
  const events: EventBody[] = [{ kind: 'fleet.removed', fleet: name, before: fleet.document }];
  for (const record of state.instances.values()) {
    if (record.fleet !== name) continue;
    instances.delete(record.instance);
    events.push(removedEvent(record, record));
  }
  return { state: { ...state, instances, fleets: withoutEntry(state.fleets, name) }, events };
}

/** `3 add, 1 remove`. */
function summarize(steps: readonly PlanStep[]): string {
  const counts = new Map<string, number>();
  for (const { change } of steps) counts.set(change, (counts.get(change) ?? 0) + 1);
  counts.delete('none');
  if (counts.size === 0) return 'no instance changes';
  return [...counts].map(([change, count]) => `${count} ${change}`).join(', ');
}

function removedEvent(
  step: { readonly agent: PlanStep['agent']; readonly instance?: PlanStep['instance'] },
  before: InstanceRecord | undefined,
): EventBody {
  const instance = before?.instance ?? step.instance;
  if (instance === undefined) throw new Error('a removed instance has an id');
  return {
    kind: 'agent.removed',
    agent: step.agent,
    instance,
    ...(before === undefined ? {} : { before: before.node }),
  };
}
