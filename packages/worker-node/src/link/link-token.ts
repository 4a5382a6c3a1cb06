import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Epoch, InstanceId } from '@meshwork/shared';

/**
 * The token of one instance in one epoch.
 *
 * Derived from the node's secret instead of stored: it is the same after a restart of the daemon, another one in the next
 * epoch, and nothing has to be on the disk before an agent starts.
 */
export function toLinkToken(secret: string, instance: InstanceId, epoch: Epoch): string {
  return createHmac('sha256', Buffer.from(secret, 'base64url'))
    .update(`agent-link\0${instance}\0${epoch}`)
    .digest('base64url');
}

/** Compares in a time that does not depend on where they differ. */
export function isSameToken(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
