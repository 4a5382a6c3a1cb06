import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedFields } from '../../../src/core/changed-fields.ts';

describe('changedFields', () => {
  it('names what differs by its path, lists as a whole', () => {
    const before = { command: ['a', 'b'], env: { X: '1', Y: '2' }, same: [{ deep: 1 }] };
    const after = { command: ['a', 'c'], env: { X: '1', Z: '3' }, same: [{ deep: 1 }] };
    expect(changedFields(before, after)).toEqual(['command', 'env.Y', 'env.Z']);
  });

  it('takes an absent field for one that is undefined', () => {
    expect(changedFields({ a: undefined }, {})).toEqual([]);
  });

  it('finds nothing between a value and its copy, and something between what JSON tells apart', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(changedFields(a, structuredClone(a))).toEqual([]);
        const isEqual = changedFields(a, b).length === 0;
        if (isEqual) expect(structuredClone(a)).toEqual(structuredClone(b));
      }),
    );
  });
});
