import { z } from 'zod';
import { NodeName, PublicKey } from '../ids.ts';

/** What `mesh node invite` hands to `mesh join`: where, whom to trust, and what to say. */
export const JoinToken = z.object({
  id: z.string().min(1).max(64),
  secret: z.string().min(1).max(128),
  /** `HOST:PORT` of the enrolment port, most likely first. */
  addresses: z.array(z.string().min(1).max(256)).min(1).max(64),
  serverKey: PublicKey,
  /** Wall clock, milliseconds; for people, who else decides is the main node. */
  expiresAtMs: z.number().nonnegative(),
  uses: z.int().positive(),
  /** The one name it admits; absent: any. */
  node: NodeName.optional(),
});
export type JoinToken = z.infer<typeof JoinToken>;

/** A token, or what is wrong with the text, as a sentence for the person who pasted it. */
export type JoinTokenParse =
  | { readonly ok: true; readonly token: JoinToken }
  | { readonly ok: false; readonly problem: string };

const PREFIX = 'mesh1-';
const CHECKSUM_LENGTH = 7;

/** Writes a token as one word of letters, digits, `-` and `_`, with a checksum at its end. */
export function encodeToken(token: JoinToken): string {
  const { id, secret, addresses, serverKey, expiresAtMs, uses, node } = token;
  const json = JSON.stringify([id, secret, addresses, serverKey, expiresAtMs, uses, node ?? null]);
  const text = btoa(String.fromCharCode(...new TextEncoder().encode(json)));
  const body = text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return `${PREFIX}${body}${checksum(body)}`;
}

/** Reads a token, whatever white space a terminal or a mail put into it. */
export function parseToken(text: string): JoinTokenParse {
  const word = text.replaceAll(/\s+/g, '');
  if (word === '') return problem('The join token is empty.');
  if (!word.startsWith(PREFIX)) {
    return problem(
      `This is no join token: one begins with "${PREFIX}", as \`mesh node invite\` prints it.`,
    );
  }
  const body = word.slice(PREFIX.length, -CHECKSUM_LENGTH);
  if (word.slice(-CHECKSUM_LENGTH) !== checksum(body)) {
    return problem(
      'The join token is damaged: a part is missing or changed. Copy it again, all of it.',
    );
  }
  const token = z.safeParse(JoinToken, readFields(body));
  if (!token.success) {
    return problem(
      'The join token was written by another release; update the older of the two machines.',
    );
  }
  return { ok: true, token: token.data };
}

function readFields(body: string): unknown {
  try {
    const binary = atob(body.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const fields: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!Array.isArray(fields)) return undefined;
    const [id, secret, addresses, serverKey, expiresAtMs, uses, node] = fields as unknown[];
    return { id, secret, addresses, serverKey, expiresAtMs, uses, node: node ?? undefined };
  } catch {
    return undefined;
  }
}

function problem(sentence: string): JoinTokenParse {
  return { ok: false, problem: sentence };
}

/** CRC-32 (ISO 3309) in base 36: tells a mangled paste, guards against nothing else. */
function checksum(text: string): string {
  let crc = 0xffff_ffff;
  for (let at = 0; at < text.length; at += 1) {
    crc ^= text.charCodeAt(at);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return ((crc ^ 0xffff_ffff) >>> 0).toString(36).padStart(CHECKSUM_LENGTH, '0');
}
