import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeBatch,
  decodeMessage,
  encodeBatch,
  encodeMessage,
  firstKind,
} from '../../../src/wire/batch-codec.ts';
import { Batch, Envelope } from '../../../src/messages/envelope.ts';

const head = { v: 1, to: 'pc2', term: 3, session: 'c2Vzc2lvbg', sentAtMs: 1_234 };
const call = { id: 'Ab3.1f', kind: 'agent.call', bodyJson: '{"action":"stats"}' };

/** Quicker than all of Unicode, and what a random frame looks like. */
const anyByte = fc.nat(255).map((code) => String.fromCodePoint(code));

/** What ids and kinds consist of. */
const words = fc.stringMatching(/^[\w.?:-]{1,64}$/);

/** Any message: any words as ids and kinds, any JSON as body, each optional field there or not. */
const messages = fc.array(
  fc.record(
    {
      id: words,
      kind: words,
      body: fc.jsonValue(),
      timeoutMs: fc.nat(3_600_000),
      correlationId: words,
      trace: fc.string({ maxLength: 128, unit: anyByte }),
      once: fc.constant(true as const),
    },
    { requiredKeys: ['id', 'kind', 'body'] },
  ),
  { maxLength: 8 },
);
const heads = fc.record(
  {
    v: fc.nat(9),
    to: fc.oneof(words, fc.constant('')),
    term: fc.maxSafeNat(),
    session: words,
    sentAtMs: fc.maxSafeNat(),
  },
  { requiredKeys: ['v', 'to', 'term', 'sentAtMs'] },
);

test('every batch reads as it was written', () => {
  fc.assert(
    fc.property(heads, messages, (givenHead, given) => {
      const rows = given.map(({ body, ...rest }) =>
        encodeMessage({ ...rest, bodyJson: JSON.stringify(body) }),
      );

      const batch = decodeBatch(encodeBatch(givenHead, rows));

      expect(batch).toEqual({ ...givenHead, messages: expect.any(Array) });
      // Negative zero is written as zero.
      expect(batch?.messages.map(decodeMessage)).toEqual(
        given.map(({ body, ...rest }) => ({ ...rest, body: JSON.parse(JSON.stringify(body)) })),
      );
    }),
  );
});

test.each([
  ['nothing optional', {}, '["Ab3.1f","agent.call",{"action":"stats"}]'],
  ['a timeout', { timeoutMs: 5_000 }, '["Ab3.1f","agent.call",{"action":"stats"},5000]'],
  ['once', { once: true }, '["Ab3.1f","agent.call",{"action":"stats"},null,null,null,true]'],
  ['a trace', { trace: 't1' }, '["Ab3.1f","agent.call",{"action":"stats"},null,null,"t1"]'],
  ['a correlation', { correlationId: 'q' }, '["Ab3.1f","agent.call",{"action":"stats"},null,"q"]'],
] as const)('a message with %s is these very bytes', (_name, over, bytes) => {
  expect(encodeMessage({ ...call, ...over })).toBe(bytes);
});

test('a frame is these very bytes', () => {
  const { session: _, ...ofHub } = head;

  expect(encodeBatch(head, ['["a","k",{}]', '["b","k",{}]'])).toBe(
    '[1,"pc2",3,"c2Vzc2lvbg",1234,[["a","k",{}],["b","k",{}]]]',
  );
  expect(encodeBatch(ofHub, [])).toBe('[1,"pc2",3,null,1234,[]]');
});

test('what a later release adds at the end of a frame or of a row is ignored', () => {
  const batch = decodeBatch('[1,"pc2",3,null,1234,[["a","k",{},null,null,null,true,"new"]],"new"]');

  expect(batch).toMatchObject({ v: 1, to: 'pc2', term: 3, sentAtMs: 1_234 });
  expect(decodeMessage(batch?.messages[0])).toEqual({ id: 'a', kind: 'k', body: {}, once: true });
});

test('a frame cut off anywhere is no batch', () => {
  const frame = encodeBatch(head, [encodeMessage({ ...call, timeoutMs: 5_000 })]);

  for (let length = 0; length < frame.length; length += 1)
    expect(decodeBatch(frame.slice(0, length))).toBeUndefined();
});

test('no text makes decoding throw, and what it gives fits the schema', () => {
  const frame = encodeBatch(head, [encodeMessage(call), encodeMessage({ ...call, once: true })]);
  const mangled = fc
    .tuple(fc.nat(frame.length), fc.nat(8), fc.string({ maxLength: 8, unit: anyByte }))
    .map(([at, cut, put]) => frame.slice(0, at) + put + frame.slice(at + cut));
  const random = fc.oneof(fc.string({ unit: anyByte }), fc.json(), mangled);

  fc.assert(
    fc.property(random, (text) => {
      const batch = decodeBatch(text);
      if (batch === undefined) return;
      expect(batch.term).toBeGreaterThanOrEqual(0);
      for (const row of batch.messages) {
        const message = decodeMessage(row);
        if (message !== undefined) expect(message.id.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['an object', '{"v":1}'],
  ['a number', '7'],
  ['nothing', ''],
  ['a negative term', '[1,"pc2",-1,null,0,[]]'],
  ['a term that is no integer', '[1,"pc2",1.5,null,0,[]]'],
  ['a session that is no text', '[1,"pc2",1,7,0,[]]'],
  ['a time that is no number', '[1,"pc2",1,null,"0",[]]'],
  ['no rows', '[1,"pc2",1,null,0]'],
  ['rows that are none', '[1,"pc2",1,null,0,{}]'],
])('%s is no batch', (_name, text) => {
  expect(decodeBatch(text)).toBeUndefined();
});

test.each([
  ['an object', { id: 'a', kind: 'k', body: {} }],
  ['null', null],
  ['an empty id', ['', 'k', {}]],
  ['an id with a quote', ['a"', 'k', {}]],
  ['a kind with a space', ['a', 'k k', {}]],
  ['an empty correlation', ['a', 'k', {}, null, '']],
  ['an id of 65 characters', ['a'.repeat(65), 'k', {}]],
  ['a kind of 65 characters', ['a', 'k'.repeat(65), {}]],
  ['a kind that is no text', ['a', 7, {}]],
  ['a timeout that is no number', ['a', 'k', {}, '5']],
  ['a correlation of 65 characters', ['a', 'k', {}, null, 'c'.repeat(65)]],
  ['a trace of 129 characters', ['a', 'k', {}, null, null, 't'.repeat(129)]],
  ['a once that is not true', ['a', 'k', {}, null, null, null, false]],
])('%s is no message, and does no harm to the others of its batch', (_name, row) => {
  const batch = decodeBatch(`[1,"pc2",3,null,0,[${JSON.stringify(row)},["a","k",{}]]]`);

  expect(batch?.messages.map(decodeMessage)).toEqual([undefined, { id: 'a', kind: 'k', body: {} }]);
});

test('a message nested too deep for a stack is told apart, not thrown', () => {
  const deep = '['.repeat(50_000) + ']'.repeat(50_000);

  const batch = decodeBatch(`[1,"pc2",3,null,0,[["a","k",${deep}]]]`);

  expect(batch === undefined || batch.messages.length === 1).toBe(true);
});

test('the kind of the first message is found without reading the message', () => {
  const batch = decodeBatch('[1,"hub",0,null,0,[["","hello",{}],["b","k",{}]]]');
  const empty = decodeBatch('[1,"hub",0,null,0,[]]');

  expect(batch && firstKind(batch)).toBe('hello');
  expect(empty && firstKind(empty)).toBeUndefined();
});

/** Values among which each field of a frame or a row finds good ones and bad ones. */
const anyField = fc.oneof(
  fc.constantFrom<unknown>(
    'id',
    'a"b',
    '',
    'x'.repeat(65),
    'x'.repeat(129),
    true,
    false,
    null,
    -1,
    1,
    1.5,
  ),
  fc.jsonValue({ maxDepth: 1 }),
);

test('the checks by hand let through exactly what the schemas do', () => {
  const orAbsent = (value: unknown): unknown => value ?? undefined;
  fc.assert(
    fc.property(fc.array(anyField, { maxLength: 8 }), (fields) => {
      const [id, kind, body, timeoutMs, correlationId, trace, once] = fields;
      const envelope = Envelope.safeParse({
        id,
        kind,
        body,
        timeoutMs: orAbsent(timeoutMs),
        correlationId: orAbsent(correlationId),
        trace: orAbsent(trace),
        once: orAbsent(once),
      });
      const [v, to, term, session, sentAtMs, messages] = fields;
      const batch = Batch.safeParse({
        v,
        to,
        term,
        session: orAbsent(session),
        sentAtMs,
        messages,
      });

      expect(decodeMessage(fields) !== undefined).toBe(envelope.success);
      expect(decodeBatch(JSON.stringify(fields)) !== undefined).toBe(batch.success);
    }),
    { numRuns: 2_000 },
  );
});
