import type { AgentName, InstanceId } from '@meshwork/shared';

/** One instance, as start and stop order see it. */
export interface OrderedInstance {
  readonly instance: InstanceId;
  readonly agent: AgentName;
  readonly group?: string | undefined;
  /** Agent or group names. */
  readonly dependsOn: readonly string[];
  /** Serves its dependants: ready, or ran and ended with 0. */
  readonly isReady: boolean;
  /** A process of it exists or may exist. */
  readonly isAlive: boolean;
}

/** What the main node told of an agent that runs elsewhere. */
export interface RemoteAgent {
  readonly agent: AgentName;
  readonly group?: string | undefined;
  readonly ready: boolean;
}

/** Everything that decides whether an instance may start or stop. */
export interface OrderView {
  readonly instances: readonly OrderedInstance[];
  readonly remote: readonly RemoteAgent[];
  /** Dependencies on other nodes are not waited for any more. */
  readonly isAlone: boolean;
}

/** Whether an instance may start. `without` names what is not ready and was given up waiting for. */
export type StartGate =
  | { readonly open: true; readonly without: readonly string[] }
  | { readonly open: false; readonly waitsFor: readonly string[] };

/**
 * Whether everything that the instance's start group depends on outside the group is ready.
 *
 * A name that is an agent's means the agent, else the group. Here and elsewhere both count; what is nowhere is elsewhere.
 */
export function pickStartGate(subject: OrderedInstance, view: OrderView): StartGate {
  const waitsFor: string[] = [];
  const without: string[] = [];
  for (const name of needsOf(subject, view)) {
    const here = findHere(name, view.instances);
    const there = findThere(name, view.remote);
    const isReadyHere = here.every((instance) => instance.isReady);
    const isReadyThere = there.every((agent) => agent.ready);
    const isKnown = here.length + there.length > 0;
    if (isKnown && isReadyHere && isReadyThere) continue;
    if (view.isAlone && isReadyHere) without.push(name);
    else waitsFor.push(name);
  }
  return waitsFor.length > 0 ? { open: false, waitsFor } : { open: true, without };
}

/**
 * Which of the instances that are to stop may do so now: those on which nothing depends that is to stop, too, and lives.
 *
 * Where a circle lets nobody go first, everybody may.
 */
export function pickStoppable(
  toStop: ReadonlySet<InstanceId>,
  view: OrderView,
): ReadonlySet<InstanceId> {
  const living = view.instances.filter(
    (instance) => toStop.has(instance.instance) && instance.isAlive,
  );
  const held = new Set<InstanceId>();
  for (const dependant of living) {
    for (const name of needsOf(dependant, view)) {
      for (const target of findHere(name, living)) held.add(target.instance);
    }
  }
  const free = [...toStop].filter((instance) => !held.has(instance));
  return new Set(free.length > 0 ? free : toStop);
}

/** Names outside its group that an instance and its group mates here depend on. */
function needsOf(subject: OrderedInstance, view: OrderView): ReadonlySet<string> {
  const mates =
    subject.group === undefined
      ? [subject]
      : view.instances.filter((instance) => instance.group === subject.group);
  const inside = new Set<string>(mates.map((mate) => mate.agent));
  if (subject.group !== undefined && !view.instances.some(isAgent(subject.group)))
    inside.add(subject.group);
  const names = mates.flatMap((mate) => mate.dependsOn);
  return new Set(names.filter((name) => !inside.has(name)));
}

function findHere(name: string, instances: readonly OrderedInstance[]): readonly OrderedInstance[] {
  const byName = instances.filter(isAgent(name));
  return byName.length > 0 ? byName : instances.filter((instance) => instance.group === name);
}

function findThere(name: string, remote: readonly RemoteAgent[]): readonly RemoteAgent[] {
  const byName = remote.filter((agent) => agent.agent === name);
  return byName.length > 0 ? byName : remote.filter((agent) => agent.group === name);
}

function isAgent(name: string): (instance: OrderedInstance) => boolean {
  return (instance) => instance.agent === name;
}
