import { MeshError, type AgentName, type InstanceId } from '@meshwork/shared';
import { recordOf, type DesiredIndex } from './desired-index.ts';
import { specOf, type InstanceRecord } from './mesh-state.ts';

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
export function findInstances(target: Target, index: DesiredIndex): readonly InstanceRecord[] {
  const found = find(target, index);
  if (found.length > 0) return found;
  const text = toText(target);
  const near = [...index.byAgent.keys()].filter(
    (agent) => agent.includes(text) || text.includes(agent),
  );
  const hint = near.length === 0 ? '' : `; there is ${near.slice(0, 5).join(', ')}`;
  throw new MeshError('MESH_AGENT_UNKNOWN', `no agent matches "${text}"${hint}`, {
    details: { target: text },
  });
}

function find(target: Target, index: DesiredIndex): readonly InstanceRecord[] {
  switch (target.kind) {
    case 'agent':
      // A text that is no agent's name is in no map.
      return index.byAgent.get(target.name as AgentName) ?? [];
    case 'instance': {
      const record = recordOf(index, target.instance);
      return record === undefined ? [] : [record];
    }
    case 'glob':
    case 'label':
      return [...index.byAgent]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([agent, records]) =>
          (
            target.kind === 'glob'
              ? matchesGlob(target.pattern, agent)
              : hasLabel(records[0], target, index)
          )
            ? records
            : [],
        );
    default:
      return target satisfies never;
  }
}

function hasLabel(
  record: InstanceRecord | undefined,
  { key, value }: { readonly key: string; readonly value: string },
  index: DesiredIndex,
): boolean {
  return record !== undefined && specOf(index.state, record)?.labels[key] === value;
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
