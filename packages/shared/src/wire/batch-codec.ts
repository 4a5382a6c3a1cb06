import { z } from 'zod';
import { Batch, Envelope } from '../messages/envelope.ts';

/** What one message says beside its body, which is encoded already. */
export interface EnvelopeHead {
  readonly id: string;
  readonly kind: string;
  readonly correlationId?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly trace?: string | undefined;
  readonly once?: true | undefined;
}

/** What all messages of one batch have in common. */
export type BatchHead = Omit<Batch, 'messages'>;

/** Characters of ids and kinds that need no escape in JSON. */
const plain = /^[\w.?-]+$/;

/**
 * Encodes one message around its encoded body: the text of one element of `messages`.
 *
 * Written by hand because it runs for each message; `JSON.stringify` of the same envelope gives the same text,
 * which the golden frames hold.
 */
export function encodeMessage(head: EnvelopeHead, bodyJson: string): string {
  let text = `{"id":${quote(head.id)},"kind":${quote(head.kind)}`;
  if (head.correlationId !== undefined) text += `,"correlationId":${quote(head.correlationId)}`;
  if (head.timeoutMs !== undefined) text += `,"timeoutMs":${head.timeoutMs}`;
  if (head.trace !== undefined) text += `,"trace":${JSON.stringify(head.trace)}`;
  if (head.once) text += ',"once":true';
  return `${text},"body":${bodyJson}}`;
}

/** Encodes one frame from messages encoded by {@link encodeMessage}. */
export function encodeBatch(head: BatchHead, messages: readonly string[]): string {
  const { v, to, term, session, sentAtMs } = head;
  const sessionJson = session === undefined ? '' : `,"session":${quote(session)}`;
  return `{"v":${v},"to":${quote(to)},"term":${term}${sessionJson},"sentAtMs":${sentAtMs},"messages":[${messages.join(',')}]}`;
}

/** First step of decoding: the frame. `undefined` for anything that is not a batch. */
export function decodeBatch(text: string): Batch | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return z.safeParse(Batch, json).data;
}

/** One message of a batch; its body is not looked at. `undefined` for anything else. */
export function decodeMessage(json: unknown): Envelope | undefined {
  return z.safeParse(Envelope, json).data;
}

function quote(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}
