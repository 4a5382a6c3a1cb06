import { z } from 'zod';
import { Batch, Envelope } from '../messages/envelope.ts';

/** What all messages of one batch have in common. */
export type BatchHead = Omit<Batch, 'messages'>;

/** One message with its body encoded already. */
export interface EncodedMessage extends Omit<Envelope, 'body'> {
  readonly bodyJson: string;
}

/** Characters that need no escape in JSON: all that our own ids and kinds consist of. */
const plain = /^[\w.?-]*$/;

/**
 * Encodes one message: the text of one row of a batch.
 *
 * `[id, kind, body, timeoutMs, correlationId, trace, once]`, absent values as `null`, absent ones at the end left out.
 * A later release adds at the end. Rows instead of objects keep small frames under the 128 bytes up to which zeromq.js
 * copies instead of sharing memory between threads.
 */
export function encodeMessage(message: EncodedMessage): string {
  const { id, kind, bodyJson, timeoutMs, correlationId, trace, once } = message;
  const head = `[${quote(id)},${quote(kind)},${bodyJson}`;
  if (correlationId === undefined && trace === undefined && once === undefined) {
    return timeoutMs === undefined ? `${head}]` : `${head},${timeoutMs}]`;
  }
  const correlation = correlationId === undefined ? 'null' : quote(correlationId);
  const answer = `${head},${timeoutMs ?? 'null'},${correlation}`;
  if (trace === undefined && once === undefined) return `${answer}]`;
  return `${answer},${trace === undefined ? 'null' : quote(trace)}${once ? ',true' : ''}]`;
}

/** Encodes one frame, `[v, to, term, session, sentAtMs, rows]`, from rows made by {@link encodeMessage}. */
export function encodeBatch(head: BatchHead, rows: readonly string[]): string {
  const { v, to, term, session, sentAtMs } = head;
  const sessionJson = session === undefined ? 'null' : quote(session);
  return `[${v},${quote(to)},${term},${sessionJson},${sentAtMs},[${rows.join(',')}]]`;
}

/** First step of decoding: the frame. `undefined` for anything that is not a batch. */
export function decodeBatch(text: string): Batch | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(json)) return undefined;
  const [v, to, term, session, sentAtMs, messages] = json as unknown[];
  return z.safeParse(Batch, { v, to, term, session: session ?? undefined, sentAtMs, messages })
    .data;
}

/** One message of a batch; its body is not looked at. `undefined` for anything else. */
export function decodeMessage(row: unknown): Envelope | undefined {
  if (!Array.isArray(row)) return undefined;
  const [id, kind, body, timeoutMs, correlationId, trace, once] = row as unknown[];
  return z.safeParse(Envelope, {
    id,
    kind,
    body,
    timeoutMs: timeoutMs ?? undefined,
    correlationId: correlationId ?? undefined,
    trace: trace ?? undefined,
    once: once ?? undefined,
  }).data;
}

/** The kind of the first message of a batch, not validated: what greets comes alone. */
export function firstKind(batch: Batch): unknown {
  const [row] = batch.messages;
  return Array.isArray(row) ? row[1] : undefined;
}

function quote(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}
