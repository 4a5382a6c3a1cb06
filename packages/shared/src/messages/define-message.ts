import type { z } from 'zod';

/** One kind of message: its name on the wire, the version of its body, its schema. */
export interface MessageKind<Kind extends string = string, Body extends z.ZodType = z.ZodType> {
  readonly kind: Kind;
  readonly version: number;
  readonly body: Body;
}

/** The body type of a declared message. */
export type MessageOf<M extends MessageKind> = z.infer<M['body']>;

/**
 * Declares a kind of message. One kind a file; kinds are never renamed or reused.
 *
 * Fields are added as optional; anything else is a new version. Unknown fields of a body are ignored.
 */
export function defineMessage<Kind extends string, Body extends z.ZodType>(
  kind: Kind,
  version: number,
  body: Body,
): MessageKind<Kind, Body> {
  return Object.freeze({ kind, version, body });
}

/** One kind of request and of its answer; the answer travels as `KIND.answer`. */
export interface RequestKind<
  Kind extends string = string,
  Ask extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> {
  readonly kind: Kind;
  readonly version: number;
  readonly body: Ask;
  readonly answer: Answer;
}

/** Declares a request with its answer. A failure is answered as an `ErrorBody` instead. */
export function defineRequest<Kind extends string, Ask extends z.ZodType, Answer extends z.ZodType>(
  kind: Kind,
  version: number,
  schemas: { readonly ask: Ask; readonly answer: Answer },
): RequestKind<Kind, Ask, Answer> {
  return Object.freeze({ kind, version, body: schemas.ask, answer: schemas.answer });
}
