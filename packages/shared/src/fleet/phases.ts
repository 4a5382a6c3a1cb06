/** What start order needs to know of one agent. */
export interface StartVertex {
  readonly agent: string;
  readonly group?: string | undefined;
  /** Agent or group names; where one name is both, it means the agent. */
  readonly dependsOn: readonly string[];
  /** Nodes that it is placed on; one entry per node, empty while it has no place. */
  readonly nodes: readonly string[];
}

/** A dependency that leads nowhere, or back to where it began. */
export type StartProblem =
  | { readonly kind: 'unknown'; readonly agent: string; readonly name: string }
  | { readonly kind: 'self'; readonly agent: string }
  /** Start groups in the order in which each waits for the next; the first one closes the circle. */
  | { readonly kind: 'cycle'; readonly groups: readonly string[] };

/** Which start group an agent belongs to: its own name stands for it where it names none. */
export interface StartGroup {
  /** Unique on a node: `group:NAME`, or `agent:NAME`. */
  readonly key: string;
  readonly label: string;
  readonly node: string;
  readonly agents: readonly string[];
  /** Groups on any node that must be ready before this one begins. */
  readonly needs: readonly string[];
}

/** Start order of everything that is placed. */
export interface StartPlan {
  /** By `NODE/AGENT`: 1 starts first; counted over groups of the same node only. */
  readonly phases: ReadonlyMap<string, number>;
  readonly groups: readonly StartGroup[];
  readonly problems: readonly StartProblem[];
}

/**
 * Puts agents into start phases.
 *
 * Vertices are start groups per node; a group begins when everything that any of its members depends on outside the
 * group is ready. A phase is the longest path to a group, over groups of its own node: what it needs elsewhere holds it
 * back too, but makes no phase. Names in `isElsewhere` are known but not part of this plan (a node knows only its own agents).
 */
export function planStart(
  agents: readonly StartVertex[],
  options: { readonly isElsewhere?: (name: string) => boolean } = {},
): StartPlan {
  const byAgent = new Map(agents.map((vertex) => [vertex.agent, vertex]));
  const byGroup = new Map<string, StartVertex[]>();
  for (const vertex of agents) {
    if (vertex.group !== undefined) append(byGroup, vertex.group, vertex);
  }
  const problems: StartProblem[] = [];
  const groups = new Map<string, { group: StartGroup; members: StartVertex[] }>();
  for (const vertex of agents) {
    for (const node of nodesOf(vertex)) {
      const key = groupKey(vertex, node);
      const entry = groups.get(key) ?? { group: emptyGroup(vertex, node, key), members: [] };
      entry.members.push(vertex);
      groups.set(key, entry);
    }
  }

  function targetsOf(vertex: StartVertex, name: string): readonly StartVertex[] | undefined {
    const agent = byAgent.get(name);
    if (agent !== undefined) return [agent];
    const members = byGroup.get(name);
    if (members !== undefined) return members;
    if (options.isElsewhere?.(name) !== true)
      problems.push({ kind: 'unknown', agent: vertex.agent, name });
    return undefined;
  }

  const needsOf = new Map<StartVertex, readonly StartVertex[]>();
  for (const vertex of agents) {
    const targets: StartVertex[] = [];
    for (const name of vertex.dependsOn) {
      if (name === vertex.agent) problems.push({ kind: 'self', agent: vertex.agent });
      else targets.push(...(targetsOf(vertex, name) ?? []));
    }
    needsOf.set(vertex, targets);
  }

  const complete = [...groups.values()].map(({ group, members }): StartGroup => {
    const needs = new Set<string>();
    for (const member of members) {
      for (const target of needsOf.get(member) ?? []) {
        for (const node of nodesOf(target)) needs.add(groupKey(target, node));
      }
    }
    needs.delete(group.key);
    return { ...group, agents: members.map((member) => member.agent), needs: [...needs] };
  });
  const order = sortByNeed(complete);
  if ('cycle' in order) problems.push({ kind: 'cycle', groups: order.cycle });
  return {
    phases: 'cycle' in order ? new Map() : countPhases(order.ordered),
    groups: complete,
    problems,
  };
}

/** Key under which {@link StartPlan} keeps the phase of an agent on a node. */
export function phaseKey(node: string, agent: string): string {
  return `${node}/${agent}`;
}

/** Groups are in an order in which each stands behind what it needs, so one pass is enough. */
function countPhases(ordered: readonly StartGroup[]): ReadonlyMap<string, number> {
  const byKey = new Map<string, { readonly node: string; readonly phase: number }>();
  const phases = new Map<string, number>();
  for (const group of ordered) {
    let phase = 1;
    for (const key of group.needs) {
      const need = byKey.get(key);
      if (need !== undefined && need.node === group.node) phase = Math.max(phase, need.phase + 1);
    }
    byKey.set(group.key, { node: group.node, phase });
    for (const agent of group.agents) phases.set(phaseKey(group.node, agent), phase);
  }
  return phases;
}

type Order = { readonly ordered: readonly StartGroup[] } | { readonly cycle: readonly string[] };

/** Depth first in the order of the file, without recursion: a chain may be as long as the fleet. */
function sortByNeed(groups: readonly StartGroup[]): Order {
  const byKey = new Map(groups.map((group) => [group.key, group]));
  const done = new Set<string>();
  const ordered: StartGroup[] = [];
  for (const start of groups) {
    if (done.has(start.key)) continue;
    const path: { readonly group: StartGroup; next: number }[] = [{ group: start, next: 0 }];
    const onPath = new Set([start.key]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const key = top.group.needs[top.next];
      top.next += 1;
      if (key === undefined) {
        path.pop();
        onPath.delete(top.group.key);
        done.add(top.group.key);
        ordered.push(top.group);
        continue;
      }
      const need = byKey.get(key);
      if (need === undefined || done.has(key)) continue;
      if (onPath.has(key)) {
        const from = path.findIndex(({ group }) => group.key === key);
        return { cycle: path.slice(from).map(({ group }) => group.label) };
      }
      onPath.add(key);
      path.push({ group: need, next: 0 });
    }
  }
  return { ordered };
}

/** An agent without a place still takes part in finding circles. */
function nodesOf(vertex: StartVertex): readonly string[] {
  return vertex.nodes.length === 0 ? [''] : vertex.nodes;
}

function groupKey(vertex: StartVertex, node: string): string {
  return `${node}/${vertex.group === undefined ? `agent:${vertex.agent}` : `group:${vertex.group}`}`;
}

function emptyGroup(vertex: StartVertex, node: string, key: string): StartGroup {
  return { key, label: vertex.group ?? vertex.agent, node, agents: [], needs: [] };
}

function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
