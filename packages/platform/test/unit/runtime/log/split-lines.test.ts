import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLines, type LogPart } from '../../../../src/runtime/log/split-lines.ts';

const from = { segment: 3, offset: 10 };
const options = { from, maxPieceBytes: 64, isFinal: false };
const part = (text: string | Buffer, segment = 3, offset = 10): LogPart => ({
  segment,
  offset,
  bytes: Buffer.from(text as string),
});
const texts = (parts: readonly LogPart[], more: Partial<typeof options> = {}): string[] =>
  splitLines(parts, { ...options, ...more }).lines.map((line) => line.text);

describe('lines of output', () => {
  it('are cut at their ends, and what has none is kept back', () => {
    const { lines, cursor } = splitLines([part('one\ntwo\r\n\nopen')], options);
    expect(lines.map((line) => line.text)).toEqual(['one', 'two', '']);
    expect(lines.map((line) => line.next.offset)).toEqual([14, 19, 20]);
    expect(cursor).toEqual({ segment: 3, offset: 20 });
  });

  it('are given with an open last one when nothing follows', () => {
    expect(texts([part('one\nopen')], { isFinal: true })).toEqual(['one', 'open']);
    expect(texts([part('one\n')], { isFinal: true })).toEqual(['one']);
  });

  it('go over the border of segments, and the cursor stands in the later one', () => {
    const { lines, cursor } = splitLines([part('on'), part('e\ntwo\n', 4, 0)], options);
    expect(lines.map((line) => line.text)).toEqual(['one', 'two']);
    expect(cursor).toEqual({ segment: 4, offset: 6 });
    expect(splitLines([part('one\n'), part('', 4, 0)], options).cursor).toEqual({
      segment: 4,
      offset: 0,
    });
  });

  it('over the limit come in pieces that say so', () => {
    const { lines } = splitLines([part(`${'x'.repeat(150)}\nnext\n`)], options);
    expect(lines.map((line) => [line.text.length, line.isCut])).toEqual([
      [64, true],
      [64, true],
      [22, false],
      [4, false],
    ]);
  });

  it.each(['é', '€', '😀'])('are never cut inside of %s', (character) => {
    for (let lead = 0; lead < 4; lead += 1) {
      const line = 'x'.repeat(lead) + character.repeat(60);
      const { lines } = splitLines([part(`${line}\n`)], options);
      expect(lines.map((piece) => piece.text).join('')).toBe(line);
      expect(lines.length).toBeGreaterThan(1);
    }
  });

  it('of other bytes are cut at the limit and get on', () => {
    const { lines } = splitLines([part(Buffer.alloc(200, 0x80))], options);
    expect(lines.map((line) => line.next.offset)).toEqual([74, 138, 202]);
  });

  it('are the same however the bytes are spread over segments', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 20 }),
        fc.array(fc.nat(200), { maxLength: 5 }),
        (words, cuts) => {
          const bytes = Buffer.from(words.join('\n'));
          const edges = [
            0,
            ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
            bytes.length,
          ];
          const parts = edges
            .slice(1)
            .map((end, index) => part(bytes.subarray(edges[index], end), index, 0));
          const whole = splitLines([part(bytes, 0, 0)], {
            ...options,
            from: { segment: 0, offset: 0 },
          });
          const spread = splitLines(parts, { ...options, from: { segment: 0, offset: 0 } });
          expect(spread.lines.map((line) => line.text)).toEqual(
            whole.lines.map((line) => line.text),
          );
        },
      ),
    );
  });

  it('are the same when they are read page by page from the cursor', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 500 }),
        fc.integer({ min: 64, max: 100 }),
        (text, pageBytes) => {
          const bytes = Buffer.from(text);
          const whole = splitLines([part(bytes, 0, 0)], {
            ...options,
            isFinal: true,
            from: { segment: 0, offset: 0 },
          });
          const paged: string[] = [];
          let cursor = { segment: 0, offset: 0 };
          for (let isFinal = false; !isFinal;) {
            isFinal = cursor.offset + pageBytes >= bytes.length;
            const page = splitLines(
              [part(bytes.subarray(cursor.offset, cursor.offset + pageBytes), 0, cursor.offset)],
              { ...options, isFinal, from: cursor },
            );
            paged.push(...page.lines.map((line) => line.text));
            cursor = page.cursor;
          }
          expect(paged).toEqual(whole.lines.map((line) => line.text));
        },
      ),
    );
  });
});
