import type { AgentSpec, AssignedInstance } from '@meshwork/shared';

/**
 * The part of a spec that its process is made from, as canonical text: two specs with one key need no restart between them.
 *
 * Labels, probes, calls, restart and stop policy, order and placement are obeyed while the process runs on.
 */
export function toProcessKey(spec: AgentSpec): string {
  const { command, cwd, user, envFile, env, ports } = spec;
  return JSON.stringify([
    command,
    cwd ?? null,
    user ?? null,
    envFile ?? null,
    sorted(env),
    sorted(ports),
  ]);
}

/** What a run was started as: another placement, an ordered restart or another process makes another text. */
export function toIdentity(assigned: AssignedInstance): string {
  return JSON.stringify([assigned.epoch, assigned.nonce, toProcessKey(assigned.spec)]);
}

function sorted(record: Readonly<Record<string, unknown>>): readonly [string, unknown][] {
  return Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
