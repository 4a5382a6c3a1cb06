import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeZ85, encodeZ85 } from '../../../src/wire/z85.ts';

test('encodes the example of RFC 32', () => {
  const bytes = Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b);

  expect(encodeZ85(bytes)).toBe('HelloWorld');
  expect(decodeZ85('HelloWorld')).toEqual(bytes);
});

test('any bytes read as they were written, also inside a larger buffer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 16 }), (words) => {
      const whole = Uint8Array.from([9, ...words, ...words, ...words, ...words]);
      const bytes = whole.subarray(1);

      expect(decodeZ85(encodeZ85(bytes))).toEqual(Uint8Array.from(bytes));
    }),
  );
});

test.each([1, 2, 3, 31])('%i bytes cannot be encoded', (length) => {
  expect(() => encodeZ85(new Uint8Array(length))).toThrow(RangeError);
});

test.each([
  ['a length that is no multiple of 5', 'Hello1'],
  ['a character that Z85 has not', 'Hell~'],
  ['a character outside of ASCII', 'Hellö'],
  ['more than 32 bits in a group', '#####'],
])('%s is no Z85', (_name, text) => {
  expect(decodeZ85(text)).toBeUndefined();
});

test('no text makes decoding throw', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.nat(255).map((code) => String.fromCodePoint(code)) }),
      (text) => {
        const bytes = decodeZ85(text);
        if (bytes !== undefined) expect(encodeZ85(bytes)).toBe(text);
      },
    ),
  );
});
