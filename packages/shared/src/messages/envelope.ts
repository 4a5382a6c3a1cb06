import { z } from 'zod';
import { Term } from '../ids.ts';

/** Protocol versions this release speaks; `hello` agrees on the highest common one. */
export const protocolRange = { min: 1, max: 1 } as const;

/** Largest message, bytes as encoded; larger ones go in chunks. */
export const maxMessageBytes = 1_048_576;

/** Largest frame made of several messages, bytes; a larger message travels alone. */
export const maxBatchBytes = 65_536;

/** Ids and kinds: characters that mean the same inside a JSON string. */
const Word = z.string().regex(/^[\w.?:-]{1,64}$/);

/**
 * One message inside a batch. Its body is looked at in a second step, by the schema of its kind.
 *
 * `timeoutMs` is the time it had left when the batch was sent. An answer carries the `id` of its request as
 * `correlationId`. `once` marks a request whose id its sender may use again to get the first answer.
 */
export const Envelope = z.object({
  id: Word,
  kind: Word,
  correlationId: Word.optional(),
  timeoutMs: z.number().optional(),
  trace: z.string().max(128).optional(),
  once: z.literal(true).optional(),
  body: z.unknown(),
});
export type Envelope = z.infer<typeof Envelope>;

/**
 * One frame: what its messages have in common, once.
 *
 * `to` is the name of the receiver, for whoever reads a recording. `session` was given by the hub's `welcome`; only a
 * peer's frames carry it. `sentAtMs` is the sender's boot clock: only differences between two of them mean anything.
 */
export const Batch = z.object({
  v: z.number(),
  to: z.string(),
  term: Term,
  session: z.string().optional(),
  sentAtMs: z.number(),
  messages: z.array(z.unknown()),
});
export type Batch = z.infer<typeof Batch>;
