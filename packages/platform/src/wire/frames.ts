import {
  decodeBatch,
  decodeMessage,
  encodeBatch,
  encodeMessage,
  firstKind,
  maxMessageBytes,
  protocolRange,
  type Batch,
  type Envelope,
} from '@meshwork/shared';

/** Largest frame a socket accepts: the largest message with its envelope. */
export const maxFrameBytes = maxMessageBytes + 65_536;

/** A frame as text of its batch; `undefined` for anything that is no batch, or more or less than one frame. */
export function readBatch(frames: readonly Uint8Array[]): Batch | undefined {
  const frame = frames[0];
  if (frame === undefined || frames.length !== 1) return undefined;
  return decodeBatch(asBuffer(frame).toString());
}

/** The same bytes with a Buffer's methods. What ZeroMQ receives is one already, and making one costs. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The first message of a batch if it is of this kind: what greets comes alone. */
export function readGreeting(batch: Batch, kind: string): Envelope | undefined {
  return firstKind(batch) === kind ? decodeMessage(batch.messages[0]) : undefined;
}

/** A frame of one message that belongs to no connection yet. */
export function encodeGreeting(
  head: { readonly to: string; readonly term: number; readonly sentAtMs: number },
  message: {
    readonly id: string;
    readonly kind: string;
    readonly correlationId?: string;
    readonly body: unknown;
  },
): string {
  const { body, ...rest } = message;
  const row = encodeMessage({ ...rest, bodyJson: JSON.stringify(body) });
  return encodeBatch({ ...head, v: protocolRange.max, sentAtMs: Math.round(head.sentAtMs) }, [row]);
}
