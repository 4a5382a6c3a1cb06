import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NodeName, PublicKey } from '../../../src/ids.ts';
import { encodeToken, parseToken, type JoinToken } from '../../../src/wire/join-token.ts';

const token: JoinToken = {
  id: 'Zk3',
  secret: 'c2VjcmV0IHNlY3JldCBzZWNyZXQ',
  addresses: ['192.168.1.5:5551', '[fd00::5]:5551', 'main.lan:5551'],
  serverKey: PublicKey.parse('rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'),
  expiresAtMs: 1_800_000_000_000,
  uses: 1,
  node: NodeName.parse('pc2'),
};
const { node: _, ...unnamed } = token;

describe('join token', () => {
  test.each([
    ['with a name', token],
    ['without one', unnamed],
  ])('a token %s reads as it was written', (_name, given) => {
    expect(parseToken(encodeToken(given))).toEqual({ ok: true, token: given });
  });

  test('it is one word that no shell changes', () => {
    expect(encodeToken(token)).toMatch(/^mesh1-[\w-]+$/);
  });

  test('line breaks and spaces of a terminal do no harm', () => {
    const text = encodeToken(token);

    expect(parseToken(`  ${text.slice(0, 60)}\r\n  ${text.slice(60)}\n`)).toEqual({
      ok: true,
      token,
    });
  });

  test('any single changed or missing character is noticed', () => {
    const text = encodeToken(token);
    fc.assert(
      fc.property(fc.nat(text.length - 7), fc.constantFrom('', 'A', '7', '-'), (at, by) => {
        const index = at + 6;
        fc.pre(text[index] !== by);
        const mangled = text.slice(0, index) + by + text.slice(index + 1);
        expect(parseToken(mangled).ok).toBe(false);
      }),
    );
  });

  test('a damaged token is told from what is no token', () => {
    const cut = parseToken(encodeToken(token).slice(0, -3));
    const other = parseToken('https://example.org/join');

    expect(cut).toMatchObject({ ok: false, problem: expect.stringContaining('damaged') });
    expect(other).toMatchObject({ ok: false, problem: expect.stringContaining('no join token') });
  });
});
