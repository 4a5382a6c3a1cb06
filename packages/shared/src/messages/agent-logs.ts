import { z } from 'zod';
import { InstanceId } from '../ids.ts';
import { defineRequest } from './define-message.ts';

/** A place in an instance's output: segment number and byte offset in it. */
export const LogCursor = z.object({
  segment: z.int().nonnegative(),
  offset: z.int().nonnegative(),
});
export type LogCursor = z.infer<typeof LogCursor>;

/**
 * Main node -> node: some lines of an instance's output, from a cursor or the last `tail` ones.
 *
 * Pulled, so it is acknowledged and bounded by itself; `waitMs` lets the node hold the answer until there is more.
 */
export const AgentLogs = defineRequest('agent.logs', 1, {
  ask: z.object({
    instance: InstanceId,
    cursor: LogCursor.optional(),
    tail: z.int().min(0).max(10_000).optional(),
    maxBytes: z.int().min(1024).max(262_144).default(65_536),
    waitMs: z.int().min(0).max(10_000).default(0),
  }),
  answer: z.object({
    lines: z.array(z.string()),
    cursor: LogCursor,
    /** Segments that were deleted between the asked cursor and the first line, as bytes where known. */
    droppedSegments: z.int().nonnegative(),
    atEnd: z.boolean(),
  }),
});
