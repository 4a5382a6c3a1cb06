import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ByteSize,
  Duration,
  formatBytes,
  formatDuration,
  parseByteSize,
  parseDuration,
} from '../../src/index.ts';

describe('quantities', () => {
  it.each([
    ['250ms', 250],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    [20, 20],
  ])('reads the duration %s as %d ms', (text, ms) => {
    expect(Duration.parse(text)).toBe(ms);
  });

  it.each(['', 'soon', '5', '-1s', '1 week', '1e3s', Number.NaN, -5])(
    'refuses the duration %s',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it.each([
    ['512MiB', 536_870_912],
    ['1KB', 1000],
    ['0B', 0],
  ])('reads the size %s as %d bytes', (text, bytes) => {
    expect(ByteSize.parse(text)).toBe(bytes);
  });

  it.each(['5', '5 Mb', '-1B', 1.5])('refuses the size %s', (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });

  it.each([
    [5, '5ms'],
    [1500, '1.5s'],
    [61_000, '1m 1s'],
    [7_200_000, '2h'],
    [93_600_000, '1d 2h'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('writes any size in at most eight characters', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 - 1 }), (bytes) => {
        expect(formatBytes(bytes).length).toBeLessThanOrEqual(8);
      }),
    );
  });
});
