import {
  WireError,
  defineMessage,
  defineRequest,
  type Envelope,
  type Logger,
  type RememberedAnswer,
} from '@meshwork/shared';
import { createFakeClock } from '@meshwork/testkit';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createDispatch } from '../../../src/wire/dispatch.ts';
import { createUncounted } from './uncounted.ts';

const Act = defineRequest('test.act', 1, {
  ask: z.object({}),
  answer: z.object({ n: z.number() }),
});
const Fact = defineMessage('test.fact', 1, z.object({}));
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

function createWorld() {
  const clock = createFakeClock();
  const counted: string[] = [];
  const answers: RememberedAnswer[] = [];
  const dispatch = createDispatch<string>({
    clock,
    logger: silent,
    metrics: { ...createUncounted(), dropped: (reason) => counted.push(reason) },
  });
  let acts = 0;
  dispatch.onRequest(Act, () => ({ n: (acts += 1) }));
  const receive = (
    envelope: Partial<Envelope>,
    options: { ageMs?: number; peer?: string } = {},
  ) => {
    const { ageMs = 0, peer = 'pc2' } = options;
    dispatch.receive({
      from: peer,
      peer,
      envelope: { id: 'a', kind: Act.kind, body: {}, ...envelope },
      term: 1,
      ageMs,
      answer: (_, answer) => answers.push(answer),
    });
    return answers.at(-1);
  };
  return { clock, dispatch, receive, answers, counted, acts: () => acts };
}

const codeOf = (answer: RememberedAnswer | undefined): string => {
  expect(answer?.kind).toBe(WireError.kind);
  return WireError.body.parse(JSON.parse(answer?.bodyJson ?? '')).code;
};

describe('what is past its timeout', () => {
  test('is answered expired and never executed', () => {
    const { receive, acts, counted } = createWorld();

    const answer = receive({ timeoutMs: 1_000 }, { ageMs: 1_000 });

    expect(codeOf(answer)).toBe('MESH_EXPIRED');
    expect(acts()).toBe(0);
    expect(counted).toEqual(['expired']);
  });

  test('is dropped when it is a message', () => {
    const { dispatch, receive, counted } = createWorld();
    let heard = 0;
    dispatch.onMessage(Fact, () => (heard += 1));

    receive({ kind: Fact.kind, timeoutMs: 1_000 }, { ageMs: 1_001 });
    receive({ kind: Fact.kind, timeoutMs: 1_000 }, { ageMs: 999 });

    expect(heard).toBe(1);
    expect(counted).toEqual(['expired']);
  });

  test('may be asked again in time, for it did not run', () => {
    const { receive, acts } = createWorld();

    receive({ once: true, timeoutMs: 1_000 }, { ageMs: 5_000 });
    receive({ once: true, timeoutMs: 1_000 });

    expect(acts()).toBe(1);
  });
});

describe('a repeat', () => {
  test('of an id that may be used again gets the first answer, until its timeout plus a minute', async () => {
    const { clock, receive, answers, acts } = createWorld();
    const ask = () => receive({ once: true, timeoutMs: 1_000 });

    ask();
    await clock.advance(60_999);
    ask();
    expect(acts()).toBe(1);
    await clock.advance(10);
    ask();

    expect(acts()).toBe(2);
    expect(answers.map(({ bodyJson }) => bodyJson)).toEqual(['{"n":1}', '{"n":1}', '{"n":2}']);
  });

  test('of any other id is a frame delivered twice: dropped, not answered', () => {
    const { receive, answers, acts, counted } = createWorld();

    receive({ timeoutMs: 1_000 });
    receive({ timeoutMs: 1_000 });

    expect(acts()).toBe(1);
    expect(answers).toHaveLength(1);
    expect(counted).toEqual(['duplicate']);
  });

  test('is one only of the same peer', () => {
    const { receive, acts } = createWorld();

    receive({ once: true }, { peer: 'pc2' });
    receive({ once: true }, { peer: 'pc3' });

    expect(acts()).toBe(2);
  });

  test('that cannot be promised an answer any more is refused, and the earlier ones keep theirs', () => {
    const { receive, acts } = createWorld();
    for (let n = 0; n < 4_096; n += 1) receive({ id: `id-${n}`, once: true, timeoutMs: 1_000 });

    const beyond = receive({ id: 'beyond', once: true, timeoutMs: 1_000 });
    const first = receive({ id: 'id-0', once: true, timeoutMs: 1_000 });

    expect(codeOf(beyond)).toBe('MESH_BUSY');
    expect(first?.bodyJson).toBe('{"n":1}');
    expect(acts()).toBe(4_096);
  });
});

describe('requests that run long', () => {
  test('are bounded: one more is refused and does not run', async () => {
    const { dispatch, receive } = createWorld();
    const Slow = defineRequest('test.slow', 1, { ask: z.object({}), answer: z.object({}) });
    const { promise, resolve } = Promise.withResolvers<Record<string, never>>();
    let started = 0;
    dispatch.onRequest(Slow, () => {
      started += 1;
      return promise;
    });
    for (let n = 0; n < 4_096; n += 1) receive({ id: `id-${n}`, kind: Slow.kind });

    const beyond = receive({ id: 'beyond', kind: Slow.kind });
    resolve({});
    await new Promise((done) => setImmediate(done));
    receive({ id: 'after', kind: Slow.kind });

    expect(codeOf(beyond)).toBe('MESH_BUSY');
    expect(started).toBe(4_097);
  });
});

test('a kind has one handler', () => {
  const { dispatch } = createWorld();

  expect(() => dispatch.onRequest(Act, () => ({ n: 0 }))).toThrow('test.act');
});
