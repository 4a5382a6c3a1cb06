import { NodeName, PublicKey } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { createWaitingKeys, type PendingKey } from '../../../src/services/waiting-keys.ts';

const keyOf = (letter: string, node = 'pc2'): PendingKey => ({
  node: NodeName.parse(node),
  publicKey: PublicKey.parse(letter.repeat(40)),
  fingerprint: `${letter.repeat(4)}-0000`,
});

describe('keys that wait for a person', () => {
  it('wait once, however often they knock', () => {
    const waiting = createWaitingKeys(2);

    expect([waiting.add(keyOf('a')), waiting.add(keyOf('a'))]).toEqual([true, false]);
    expect(waiting.list()).toEqual([keyOf('a')]);
  });

  it('are refused at the bound', () => {
    const waiting = createWaitingKeys(1);
    waiting.add(keyOf('a'));

    expect(() => waiting.add(keyOf('b'))).toThrow(expect.objectContaining({ code: 'MESH_BUSY' }));
  });

  it('are found by name and fingerprint, whatever separates its groups', () => {
    const waiting = createWaitingKeys(4);
    waiting.add(keyOf('a'));
    waiting.add(keyOf('b'));

    expect(waiting.find('pc2', 'AAAA 0000')).toEqual(keyOf('a'));
    expect(() => waiting.find('pc2', undefined)).toThrow(/aaaa-0000; bbbb-0000/);
    expect(() => waiting.find('pc2', 'cccc-0000')).toThrow(/aaaa-0000/);
    expect(() => waiting.find('pc3', undefined)).toThrow(/no key waits under that name/);
  });

  it('stay away once they were sent away, until the door is opened anew', () => {
    const waiting = createWaitingKeys(4);
    waiting.add(keyOf('a'));

    waiting.reject(keyOf('a').publicKey);

    expect(waiting.list()).toEqual([]);
    expect(() => waiting.add(keyOf('a'))).toThrow(
      expect.objectContaining({ code: 'MESH_JOIN_REFUSED' }),
    );
    waiting.forgive();
    expect(waiting.add(keyOf('a'))).toBe(true);
  });
});
