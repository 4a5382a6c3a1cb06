import { z } from 'zod';

/**
 * `removed.json` of a worker node's data folder: its mesh took it out. The node writes it as its last act; whoever starts
 * daemons leaves the node alone while it is there, and joining anew deletes it.
 */
export const RemovedNode = z.object({
  why: z.enum(['removed', 'revoked']),
  /** Wall clock. */
  atMs: z.number(),
});
export type RemovedNode = z.infer<typeof RemovedNode>;
