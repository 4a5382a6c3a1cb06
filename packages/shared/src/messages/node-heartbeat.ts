import { z } from 'zod';
import { Incarnation } from '../ids.ts';
import { defineMessage, type MessageOf } from './define-message.ts';

/**
 * Node -> main node every 500 ms, over the heartbeat connection. Its absence, not its content, signals failure.
 *
 * Sent by a thread of its own: it keeps its pace while the daemon's loop is busy, and says for how long that has been.
 */
export const NodeHeartbeat = defineMessage(
  'node.heartbeat',
  1,
  z.object({
    incarnation: Incarnation,
    sequence: z.int().nonnegative(),
    /** How long ago the daemon's event loop last turned, ms; over 5,000 the node is `not acting`. */
    loopSilentMs: z.number().nonnegative(),
    /** Lag of the daemon's event loop, ms. */
    loopLagMs: z.number().nonnegative(),
    load1: z.number().nonnegative(),
    memoryUsedRatio: z.number().min(0).max(1),
    /** Age of the daemon, ms. */
    uptimeMs: z.number().nonnegative(),
    /** Of the node's last report; a difference makes the main node ask for it again. */
    instancesDigest: z.string(),
  }),
);
export type NodeHeartbeat = MessageOf<typeof NodeHeartbeat>;
