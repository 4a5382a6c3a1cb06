import {
  AgentSpec,
  MeshError,
  type AgentName,
  type Epoch,
  type Fleet,
  type FleetName,
  type InstanceId,
  type InstanceReport,
  type NodeName,
} from '@meshwork/shared';
import type { Transition } from './apply-plan.ts';
import type { EventBody } from './new-event.ts';
import {
  fleetOf,
  ordinalOf,
  withEntry,
  type FleetRecord,
  type InstanceRecord,
  type MeshState,
} from './mesh-state.ts';

/** An unclaimed instance as its node describes it. */
export interface UnclaimedInstance {
  readonly instance: InstanceId;
  readonly agent: AgentName;
  readonly fleet: FleetName;
  readonly node: NodeName;
  readonly epoch: Epoch;
  readonly nonce: number;
  readonly spec: unknown;
}

/**
 * Takes an unclaimed instance into the desired state exactly as it runs: epoch, nonce and spec stay, so nothing restarts.
 *
 * Its agent becomes part of its fleet's document, which is made where there is none. Throws MESH_AGENT_UNKNOWN when its spec
 * cannot be read, MESH_INPUT_INVALID when the agent belongs to another fleet here.
 */
export function adoptInstance(state: MeshState, unclaimed: UnclaimedInstance): Transition {
  const { instance, agent, fleet, node, epoch, nonce } = unclaimed;
  const spec = AgentSpec.safeParse(unclaimed.spec);
  if (!spec.success) {
    throw new MeshError(
      'MESH_INPUT_INVALID',
      `cannot adopt ${instance}: ${node} describes it in a way this release cannot read`,
      { cause: spec.error },
    );
  }
  const owner = fleetOf(state, agent);
  if (owner !== undefined && owner.name !== fleet) {
    throw new MeshError(
      'MESH_INPUT_INVALID',
      `cannot adopt ${instance} of fleet ${fleet}: the agent ${agent} now belongs to fleet ${owner.name}`,
    );
  }
  const known = state.fleets.get(fleet);
  const before = state.instances.get(instance);
  const record: InstanceRecord = {
    instance,
    agent,
    fleet,
    node,
    epoch,
    nonce,
    desired: 'run',
    isAdopting: true,
  };
  return {
    state: {
      ...state,
      instances: withEntry(state.instances, instance, record),
      fleets: withEntry(state.fleets, fleet, withAgent(known, fleet, agent, spec.data, state)),
    },
    events: [
      {
        kind: 'agent.placed',
        agent,
        instance,
        epoch,
        ...(before === undefined ? {} : { before: before.node }),
        after: node,
      },
    ],
  };
}

/**
 * Takes over, as it runs, what is unclaimed under the names of a fleet that is being applied: an instance that the file
 * declares and the records either lack or know, in an older form, on the same node.
 */
export function adoptForFleet(
  state: MeshState,
  fleet: Fleet,
  unclaimed: readonly UnclaimedInstance[],
): Transition {
  let next: MeshState = state;
  const events: EventBody[] = [];
  for (const one of unclaimed) {
    const spec = fleet.agents.get(one.agent);
    const known = state.instances.get(one.instance);
    const isDeclared = spec !== undefined && ordinalOf(one.instance) < spec.replicas;
    const isElsewhere = known !== undefined && known.node !== one.node;
    const isOurs = one.fleet === fleet.name && AgentSpec.safeParse(one.spec).success;
    const owner = fleetOf(state, one.agent);
    const isOthers = owner !== undefined && owner.name !== fleet.name;
    if (!isDeclared || isElsewhere || !isOurs || isOthers) continue;
    const step = adoptInstance(next, one);
    next = step.state;
    events.push(...step.events);
  }
  return { state: next, events };
}

/** The state in which a node has claimed what was adopted there; the same one where there is nothing to settle. */
export function settleAdoptions(
  state: MeshState,
  node: NodeName,
  reported: ReadonlyMap<InstanceId, Pick<InstanceReport, 'state'>>,
): MeshState {
  const settled = [...state.instances.values()].filter((record) => {
    const report = reported.get(record.instance);
    return (
      record.isAdopting === true &&
      record.node === node &&
      report !== undefined &&
      report.state !== 'unclaimed'
    );
  });
  if (settled.length === 0) return state;
  const instances = new Map(state.instances);
  for (const { isAdopting: _, ...record } of settled) instances.set(record.instance, record);
  return { ...state, instances };
}

function withAgent(
  known: FleetRecord | undefined,
  name: FleetName,
  agent: AgentName,
  spec: AgentSpec,
  state: MeshState,
): FleetRecord {
  const document = (known?.document ?? { fleet: name, agents: {} }) as { readonly agents?: object };
  return {
    name,
    // The parsed form is a valid document, too: durations are milliseconds.
    document: { ...document, agents: { ...document.agents, [agent]: spec } },
    agents: withEntry(known?.agents ?? new Map(), agent, spec),
    revision: state.revision + 1,
  };
}
