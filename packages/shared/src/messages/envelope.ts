import { z } from 'zod';
import { Term } from '../ids.ts';

/** Protocol versions this release speaks; `hello` agrees on the highest common one. */
export const protocolRange = { min: 1, max: 1 } as const;

/** Largest message body, bytes; larger ones go in chunks. */
export const maxMessageBytes = 1_048_576;

/** Largest ZeroMQ message made of several envelopes, bytes. */
export const maxBatchBytes = 65_536;

/**
 * What every message has, however the codec carries it.
 *
 * `sentAtMs` is the sender's boot clock, `timeoutMs` the time it had left when sent: points in
 * time never travel. `correlationId` of an answer is the `id` of the request.
 */
export const Envelope = z.object({
  v: z.int(),
  id: z.string().min(1).max(64),
  kind: z.string().min(1).max(64),
  to: z.string().max(128),
  term: Term,
  correlationId: z.string().max(64).optional(),
  sentAtMs: z.number().nonnegative(),
  timeoutMs: z.number().positive().optional(),
  trace: z.string().max(128).optional(),
  body: z.unknown(),
});
export type Envelope = z.infer<typeof Envelope>;
