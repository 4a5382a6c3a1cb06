import type { Random } from '@meshwork/shared';

/** Mints ids that no other process mints: a random prefix of this process, then a counter. */
export function createIdMint(random: Random): () => string {
  const prefix = Buffer.from(random.bytes(6)).toString('base64url');
  let count = 0;
  return () => `${prefix}.${(count += 1).toString(36)}`;
}

/** 16 random bytes of which the first is not 0, as ZeroMQ demands of a routing id. */
export function mintRoutingId(random: Random): Uint8Array {
  const id = Uint8Array.from(random.bytes(16));
  id[0] = (id[0] ?? 0) | 1;
  return id;
}
