import type { AgentName, Calls, InstanceId } from '@meshwork/shared';
import { claimedPart } from '../core/instance-state.ts';
import type { Instance } from './instance.ts';
import type { InstanceTarget } from './ports.ts';

/** The least loaded ready instance of an agent here, the first of equals; undefined when there is none. */
export function pickReadyInstance(
  agent: AgentName,
  instances: ReadonlyMap<InstanceId, Instance>,
  inFlight: (instance: InstanceId) => number,
): (InstanceTarget & { readonly calls?: Calls | undefined }) | undefined {
  let best: { readonly instance: Instance; readonly load: number } | undefined;
  for (const instance of instances.values()) {
    if (instance.assigned.agent !== agent) continue;
    if (claimedPart(instance.state).status !== 'ready') continue;
    const load = inFlight(instance.id);
    if (best === undefined || load < best.load) best = { instance, load };
  }
  if (best === undefined) return undefined;
  const { id, ports, assigned } = best.instance;
  return { instance: id, ports, calls: assigned.spec.calls };
}
