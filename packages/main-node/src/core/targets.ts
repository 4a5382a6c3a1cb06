import { MeshError, type AgentName, type AgentSpec, type InstanceId } from '@meshwork/shared';
import type { InstanceRecord, MeshState } from './mesh-state.ts';

/** What people write to say whom they mean. */
export type Target =
  | { readonly kind: 'agent'; readonly name: string }
  | { readonly kind: 'instance'; readonly instance: string }
  | { readonly kind: 'glob'; readonly pattern: string }
  | { readonly kind: 'label'; readonly key: string; readonly value: string };

/** Reads `NAME`, `NAME.0`, `shard-*` or `team=search`. */
export function parseTarget(text: string): Target {
  const equals = text.indexOf('=');
  if (equals > 0)
    return { kind: 'label', key: text.slice(0, equals), value: text.slice(equals + 1) };
  if (/[*?]/.test(text)) return { kind: 'glob', pattern: text };
  if (/\.\d{1,4}$/.test(text)) return { kind: 'instance', instance: text };
  return { kind: 'agent', name: text };
}

/** Whether a target means one instance, even where several match. */
export function meansOne(target: Target): boolean {
  return target.kind === 'agent' || target.kind === 'instance';
}

/**
 * The instances that a target names, in the order of their ids. Throws MESH_AGENT_UNKNOWN when none does, naming what is like it.
 */
export function findInstances(target: Target, state: MeshState): readonly InstanceRecord[] {
  const found = [...state.instances.values()].filter((record) => matches(target, record, state));
  if (found.length > 0) return found.toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
  const text = toText(target);
  const near = [...new Set([...state.instances.values()].map(({ agent }) => agent))].filter(
    (agent) => agent.includes(text) || text.includes(agent),
  );
  const hint = near.length === 0 ? '' : `; there is ${near.slice(0, 5).join(', ')}`;
  throw new MeshError('MESH_AGENT_UNKNOWN', `no agent matches "${text}"${hint}`, {
    details: { target: text },
  });
}

/** One of several usable instances, with its load. */
export interface Choice {
  readonly instance: InstanceId;
  readonly callsInFlight: number;
}

/** The least loaded one; of equals the next after `turn`, so that they take turns. */
export function pickLeastLoaded(choices: readonly Choice[], turn: number): Choice | undefined {
  const least = Math.min(...choices.map(({ callsInFlight }) => callsInFlight));
  const equals = choices.filter(({ callsInFlight }) => callsInFlight === least);
  return equals[turn % Math.max(1, equals.length)];
}

function matches(target: Target, record: InstanceRecord, state: MeshState): boolean {
  switch (target.kind) {
    case 'agent':
      return record.agent === target.name;
    case 'instance':
      return record.instance === target.instance;
    case 'glob':
      return matchesGlob(target.pattern, record.agent);
    case 'label':
      return labelsOf(record, state)?.[target.key] === target.value;
    default:
      return target satisfies never;
  }
}

/** `*` is any text, `?` one character. Linear: what was tried behind the last star is not tried again. */
function matchesGlob(pattern: string, name: AgentName): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let index = 0;
  while (index < name.length) {
    if (pattern[at] === '?' || (pattern[at] === name[index] && pattern[at] !== '*')) {
      at += 1;
      index += 1;
    } else if (pattern[at] === '*') {
      star = at;
      resume = index;
      at += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      index = resume;
    } else return false;
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

function labelsOf(record: InstanceRecord, state: MeshState): AgentSpec['labels'] | undefined {
  return state.fleets.get(record.fleet)?.agents.get(record.agent)?.labels;
}

function toText(target: Target): string {
  switch (target.kind) {
    case 'agent':
      return target.name;
    case 'instance':
      return target.instance;
    case 'glob':
      return target.pattern;
    case 'label':
      return `${target.key}=${target.value}`;
    default:
      return target satisfies never;
  }
}
