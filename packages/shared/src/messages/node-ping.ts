import { z } from 'zod';
import { InstanceId } from '../ids.ts';
import { defineRequest } from './define-message.ts';

/** Main node -> node: answers at once, from the daemon's loop; with instances, each is probed now. */
export const NodePing = defineRequest('node.ping', 1, {
  ask: z.object({ instances: z.array(InstanceId).max(1000) }),
  answer: z.object({
    instances: z.array(
      z.object({
        instance: InstanceId,
        ok: z.boolean(),
        durationMs: z.number(),
        detail: z.string().optional(),
      }),
    ),
  }),
});
