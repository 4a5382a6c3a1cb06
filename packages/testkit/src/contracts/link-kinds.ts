import { NodeName, defineMessage, defineRequest } from '@meshwork/shared';
import { z } from 'zod';
import { until } from '../until.ts';
import type { LinkWorld } from './link-world.ts';

/** Answers what it was asked. */
export const Echo = defineRequest('test.echo', 1, {
  ask: z.object({ text: z.string() }),
  answer: z.object({ text: z.string() }),
});

/** Says a number. */
export const Fact = defineMessage(
  'test.fact',
  1,
  z.object({ n: z.number(), text: z.string().optional() }),
);

/** The node of most tests. */
export const pc2 = NodeName.parse('pc2');

/** Waits until the hub or an uplink has counted this. */
export function ended(subject: () => LinkWorld, what: string): Promise<number> {
  return until(what, () => subject().counts[what], { withinMs: 4_000 });
}
