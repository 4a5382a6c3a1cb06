import { defineRequest } from '@meshwork/shared';
import { z } from 'zod';

/** Something that must not be done late or twice; `ballast` fills queues. */
export const Act = defineRequest('test.act', 1, {
  ask: z.object({ id: z.string(), ballast: z.string() }),
  answer: z.object({ id: z.string() }),
});
