import { describe, expect, it } from 'vitest';
import { fingerprint, mintKeyPair, publicKeyOf } from '../../../src/wire/keys.ts';

describe('fingerprint', () => {
  it('is one word for a shell and the same for the same key', () => {
    const { publicKey } = mintKeyPair();

    expect(fingerprint(publicKey)).toMatch(/^([0-9a-f]{4}-){7}[0-9a-f]{4}$/);
    expect(fingerprint(publicKey)).toBe(fingerprint(publicKey));
  });

  it('is another one for another key', () => {
    expect(fingerprint(mintKeyPair().publicKey)).not.toBe(fingerprint(mintKeyPair().publicKey));
  });
});

describe('publicKeyOf', () => {
  it('gives the public half of a minted pair', () => {
    const { publicKey, secretKey } = mintKeyPair();

    expect(publicKeyOf(secretKey)).toBe(publicKey);
  });

  it('refuses text that is no key', () => {
    expect(() => publicKeyOf('short')).toThrow(
      expect.objectContaining({ code: 'MESH_INPUT_INVALID' }),
    );
  });
});
