import type { AgentName, AgentSpec, FleetName, InstanceId, NodeName } from '@meshwork/shared';

/** Who may bind a fixed port on a node. */
export interface PortHolder {
  readonly instance: InstanceId;
  readonly agent: AgentName;
  readonly fleet: FleetName;
  /** Name of the port in the agent's spec. */
  readonly portName: string;
}

/** Fixed ports that are given away, per node. */
export type PortClaims = Map<NodeName, Map<number, PortHolder>>;

/** Claims the fixed ports of one instance on a node, or says, a sentence per port, who holds them. */
export function claimPorts(
  claims: PortClaims,
  node: NodeName,
  claim: Omit<PortHolder, 'portName'> & { readonly spec: AgentSpec },
): readonly string[] {
  const conflicts = findConflicts(claims, node, claim);
  if (conflicts.length > 0) return conflicts;
  const taken = claims.get(node) ?? new Map<number, PortHolder>();
  claims.set(node, taken);
  const { spec, ...holder } = claim;
  for (const [portName, port] of Object.entries(spec.ports)) {
    if (port !== 'auto') taken.set(port, { ...holder, portName });
  }
  return [];
}

/** What claiming would be refused for; changes nothing. */
export function findConflicts(
  claims: ReadonlyMap<NodeName, ReadonlyMap<number, PortHolder>>,
  node: NodeName,
  claim: Omit<PortHolder, 'portName'> & { readonly spec: AgentSpec },
): readonly string[] {
  const taken = claims.get(node);
  const own = new Map<number, string>();
  return Object.entries(claim.spec.ports).flatMap(([portName, port]) => {
    if (port === 'auto') return [];
    const twice = own.get(port);
    own.set(port, portName);
    if (twice !== undefined)
      return [`port ${port} is claimed by ${claim.agent} as "${twice}" and as "${portName}"`];
    const holder = taken?.get(port);
    if (holder === undefined || holder.instance === claim.instance) return [];
    const whose = holder.fleet === claim.fleet ? '' : ` of fleet ${holder.fleet}`;
    return [
      `port ${port} ("${portName}") on ${node} is already claimed by ${holder.instance} ("${holder.portName}")${whose}`,
    ];
  });
}
