import type { Transport } from '@meshwork/shared';
import { afterEach, beforeEach, describe } from 'vitest';
import { describeEndings } from './link-endings.ts';
import { describeIdentity } from './link-identity.ts';
import { describeMessages } from './link-messages.ts';
import { describeOutcomes } from './link-outcomes.ts';
import { createLinkWorld, type LinkWorld } from './link-world.ts';

/** What every pair of hub and uplink promises, over whatever transport. */
export function describeLink(
  name: string,
  create: () => { readonly hub: Transport; readonly peer: Transport },
): void {
  describe(`link: ${name}`, () => {
    let world: LinkWorld;
    beforeEach(async () => {
      world = await createLinkWorld(create());
    });
    afterEach(() => world.end());

    describeIdentity(() => world);
    describeMessages(() => world);
    describeOutcomes(() => world);
    describeEndings(() => world);
  });
}
