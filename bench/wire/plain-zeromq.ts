import { createRequire } from 'node:module';
import { join } from 'node:path';

const platform = join(import.meta.dirname, '../../packages/platform/package.json');

/** The zeromq.js that the platform uses, bare: a peer of the same version. */
export const { Router, Dealer, curveKeyPair } = createRequire(platform)(
  'zeromq',
) as typeof import('./zeromq.d.ts');
