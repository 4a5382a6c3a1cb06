const alphabet =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const values = new Map(alphabet.split('').map((character, value) => [character, value]));

/** Encodes bytes as ZeroMQ prints keys (RFC 32/Z85). Their number must be a multiple of 4. */
export function encodeZ85(bytes: Uint8Array): string {
  if (bytes.length % 4 !== 0)
    throw new RangeError(`Z85 needs a multiple of 4 bytes, not ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const word = view.getUint32(at);
    for (let divisor = 85 ** 4; divisor >= 1; divisor /= 85) {
      text += alphabet[Math.floor(word / divisor) % 85];
    }
  }
  return text;
}

/** Decodes Z85 text; `undefined` for text that is none. */
export function decodeZ85(text: string): Uint8Array | undefined {
  if (text.length % 5 !== 0) return undefined;
  const bytes = new Uint8Array((text.length / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at += 5) {
    let word = 0;
    for (const character of text.slice(at, at + 5)) {
      const value = values.get(character);
      if (value === undefined) return undefined;
      word = word * 85 + value;
    }
    if (word > 0xffff_ffff) return undefined;
    view.setUint32((at / 5) * 4, word);
  }
  return bytes;
}
