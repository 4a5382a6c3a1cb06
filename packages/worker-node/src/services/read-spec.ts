import { AgentSpec, type AssignedInstance, type NodeAssign } from '@meshwork/shared';

/** An instance whose spec this release cannot read, and why. */
export interface UnreadableInstance {
  readonly assigned: Omit<AssignedInstance, 'spec'>;
  readonly reason: string;
}

/**
 * Reads the specs of an assignment as it came over the wire.
 *
 * One that cannot be read, of a newer release perhaps, does not spoil the others: what `known` says of that instance is kept.
 */
export function readSpecs(
  incoming: Omit<NodeAssign, 'instances'> & {
    readonly instances: readonly (Omit<AssignedInstance, 'spec'> & { readonly spec?: unknown })[];
  },
  known: readonly AssignedInstance[],
): { readonly assign: NodeAssign; readonly unreadable: readonly UnreadableInstance[] } {
  const instances: AssignedInstance[] = [];
  const unreadable: UnreadableInstance[] = [];
  for (const { spec: raw, ...rest } of incoming.instances) {
    const spec = AgentSpec.safeParse(raw);
    if (spec.success) {
      instances.push({ ...rest, spec: spec.data });
      continue;
    }
    const prior = known.find(({ instance }) => instance === rest.instance);
    if (prior !== undefined) instances.push(prior);
    const [issue] = spec.error.issues;
    const where = issue?.path.join('.') ?? '';
    const reason = `this node cannot read its spec (${where}: ${issue?.message ?? 'invalid'}); is the node of an older release?`;
    unreadable.push({ assigned: rest, reason });
  }
  return { assign: { ...incoming, instances }, unreadable };
}
