/** What the proof of a hello covers. */
export interface HelloClaim {
  /** Hex. */
  readonly routingId: string;
  readonly node: string;
  readonly role: string;
  readonly incarnation: number;
  readonly publicKey: string;
  readonly serverKey: string;
}

/**
 * The text whose HMAC proves a hello. A proof for one routing id, name, role, incarnation or server says
 * nothing about another.
 */
export function toClaimText(claim: HelloClaim): string {
  const { routingId, node, role, incarnation, publicKey, serverKey } = claim;
  return JSON.stringify([
    'meshwork hello 1',
    routingId,
    node,
    role,
    incarnation,
    publicKey,
    serverKey,
  ]);
}

/** The highest protocol version that both ranges contain; `undefined` when they have none in common. */
export function pickProtocol(
  ours: { readonly min: number; readonly max: number },
  theirs: { readonly min: number; readonly max: number },
): number | undefined {
  const highest = Math.min(ours.max, theirs.max);
  return highest >= Math.max(ours.min, theirs.min) ? highest : undefined;
}
