import type { Batch, Envelope } from '../messages/envelope.ts';

/** What all messages of one batch have in common. */
export type BatchHead = Omit<Batch, 'messages'>;

/** One message with its body encoded already. */
export interface EncodedMessage extends Omit<Envelope, 'body'> {
  readonly bodyJson: string;
}

/** What ids and kinds consist of: characters that mean the same inside a JSON string. */
const word = /^[\w.?:-]{1,64}$/;

/** Whether this text may be the id or the kind of a message. */
export function isWord(text: unknown): text is string {
  return typeof text === 'string' && word.test(text);
}

/**
 * Encodes one message: the text of one row of a batch. Its ids and its kind must be words.
 *
 * `[id, kind, body, timeoutMs, correlationId, trace, once]`, absent values as `null`, absent ones at the end left out.
 * A later release adds at the end. Rows instead of objects keep small frames under the 128 bytes up to which zeromq.js
 * copies instead of sharing memory between threads.
 */
export function encodeMessage(message: EncodedMessage): string {
  const { id, kind, bodyJson, timeoutMs, correlationId, trace, once } = message;
  if (correlationId === undefined && trace === undefined && once === undefined) {
    return timeoutMs === undefined
      ? `["${id}","${kind}",${bodyJson}]`
      : `["${id}","${kind}",${bodyJson},${timeoutMs}]`;
  }
  const correlation = correlationId === undefined ? 'null' : `"${correlationId}"`;
  const answer = `["${id}","${kind}",${bodyJson},${timeoutMs ?? 'null'},${correlation}`;
  if (trace === undefined && once === undefined) return `${answer}]`;
  return `${answer},${trace === undefined ? 'null' : JSON.stringify(trace)}${once ? ',true' : ''}]`;
}

/**
 * Encodes one frame, `[v, to, term, session, sentAtMs, rows]`, from rows made by {@link encodeMessage}.
 * `to` and the session must be words, or empty.
 */
export function encodeBatch(head: BatchHead, rows: readonly string[]): string {
  const { v, to, term, session, sentAtMs } = head;
  const sessionJson = session === undefined ? 'null' : `"${session}"`;
  return `[${v},"${to}",${term},${sessionJson},${sentAtMs},[${rows.join(',')}]]`;
}

/** First step of decoding: the frame. `undefined` for anything that is not a `Batch`. */
export function decodeBatch(text: string): Batch | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return Array.isArray(json) ? toBatch(json) : undefined;
}

/**
 * One message of a batch; its body is not looked at. `undefined` for anything that is not an `Envelope`.
 *
 * Batch and envelope are checked by hand because that happens for each message and costs less so than the body's own
 * schema; a property test holds these checks to the schemas.
 */
export function decodeMessage(row: unknown): Envelope | undefined {
  return Array.isArray(row) ? toEnvelope(row) : undefined;
}

/** The kind of the first message of a batch, not validated: what greets comes alone. */
export function firstKind(batch: Batch): unknown {
  const row = batch.messages[0];
  return Array.isArray(row) ? row[1] : undefined;
}

function toBatch(json: readonly unknown[]): Batch | undefined {
  const v = json[0];
  const to = json[1];
  const term = json[2];
  const session = json[3] ?? undefined;
  const sentAtMs = json[4];
  const messages = json[5];
  if (typeof v !== 'number' || typeof to !== 'string' || typeof sentAtMs !== 'number')
    return undefined;
  if (!Number.isSafeInteger(term) || (term as number) < 0 || !Array.isArray(messages))
    return undefined;
  if (session === undefined) return { v, to, term: term as number, sentAtMs, messages };
  if (typeof session !== 'string') return undefined;
  return { v, to, term: term as number, session, sentAtMs, messages };
}

function toEnvelope(row: readonly unknown[]): Envelope | undefined {
  const id = row[0];
  const kind = row[1];
  const timeoutMs = row[3] ?? undefined;
  const correlationId = row[4] ?? undefined;
  const trace = row[5] ?? undefined;
  const once = row[6] ?? undefined;
  if (!isWord(id) || !isWord(kind)) return undefined;
  if (timeoutMs !== undefined && typeof timeoutMs !== 'number') return undefined;
  if (correlationId !== undefined && !isWord(correlationId)) return undefined;
  if (trace !== undefined && (typeof trace !== 'string' || trace.length > 128)) return undefined;
  if (once !== undefined && once !== true) return undefined;
  return { id, kind, body: row[2], timeoutMs, correlationId, trace, once };
}
