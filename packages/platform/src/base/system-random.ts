import { randomBytes } from 'node:crypto';
import type { Random } from '@meshwork/shared';

/** The system's cryptographic random bytes, and a cheap number for jitter. */
export function createSystemRandom(): Random {
  return {
    bytes: (count) => randomBytes(count),
    next: () => Math.random(),
  };
}
