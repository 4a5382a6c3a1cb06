import type { z } from 'zod';

/** What a frame of the link turned out to be: a message, or why it is none. */
export type LinkFrame<Message> =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads one frame of the agent link: UTF-8 JSON of one message.
 *
 * Never throws. `reason` says what is wrong in a few words, without the frame's content.
 */
export function decodeLinkFrame<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
): LinkFrame<z.infer<Schema>> {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'not JSON' };
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { ok: true, message: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, reason: `${issue?.path.join('.') || 'message'}: ${issue?.message}` };
}
