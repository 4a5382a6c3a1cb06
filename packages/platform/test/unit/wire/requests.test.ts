import {
  WireError,
  defineRequest,
  type Envelope,
  type QueuedMessage,
  type RequestOptions,
} from '@meshwork/shared';
import { createFakeClock } from '@meshwork/testkit';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createRequests, type RequestLink } from '../../../src/wire/requests.ts';
import { createUncounted } from './uncounted.ts';

const Ask = defineRequest('test.ask', 1, {
  ask: z.object({}),
  answer: z.object({ n: z.number() }),
});

function createWorld() {
  const clock = createFakeClock();
  const waiting: QueuedMessage[] = [];
  const counted: string[] = [];
  let minted = 0;
  const link: RequestLink & { outcome: 'queued' | 'full' | 'tooLarge' } = {
    name: 'pc2',
    outcome: 'queued',
    enqueue(message) {
      if (link.outcome === 'queued') waiting.push(message);
      return link.outcome;
    },
    withdraw(id) {
      const at = waiting.findIndex((message) => message.id === id);
      if (at >= 0) waiting.splice(at, 1);
      return at >= 0;
    },
  };
  const requests = createRequests<RequestLink>({
    clock,
    metrics: { ...createUncounted(), dropped: (reason) => counted.push(reason) },
    mintId: () => `id-${(minted += 1)}`,
  });
  const ask = (options: Partial<RequestOptions> = {}) =>
    requests.request(link, Ask, {}, { timeoutMs: 1_000, ...options });
  /** The queue was emptied into the socket. */
  const leave = (): readonly QueuedMessage[] => waiting.splice(0);
  const answer = (id: string, body: unknown, kind = 'test.ask.answer'): void =>
    requests.onAnswer(link, toEnvelope(kind, body), id);
  return { clock, link, requests, ask, leave, answer, counted, waiting };
}

const toEnvelope = (kind: string, body: unknown): Envelope => ({ id: 'other.1', kind, body });

describe('a request', () => {
  test('is answered', async () => {
    const { ask, leave, answer } = createWorld();
    const outcome = ask();

    const [sent] = leave();
    answer(sent?.id ?? '', { n: 1 });

    expect(await outcome).toEqual({ status: 'answered', answer: { n: 1 } });
  });

  test('that never left the queue by its deadline is expired, and taken out of it', async () => {
    const { clock, ask, waiting } = createWorld();
    const outcome = ask();

    await clock.advance(1_001);

    expect(await outcome).toMatchObject({ status: 'expired', error: { code: 'MESH_EXPIRED' } });
    expect(waiting).toEqual([]);
  });

  test('that was sent and not answered by its deadline is unknown', async () => {
    const { clock, ask, leave } = createWorld();
    const outcome = ask();
    leave();

    await clock.advance(1_001);

    expect(await outcome).toMatchObject({
      status: 'unknown',
      error: { code: 'MESH_OUTCOME_UNKNOWN' },
    });
  });

  test('ends at its own deadline whatever others are under way', async () => {
    const { clock, ask, leave } = createWorld();
    const ended: string[] = [];
    for (const timeoutMs of [5_000, 100, 2_000]) {
      void ask({ timeoutMs }).then(() => ended.push(`${timeoutMs} at ${clock.monotonic()}`));
    }
    leave();
    const startMs = clock.monotonic();

    await clock.advance(6_000);

    expect(ended).toEqual([100, 2_000, 5_000].map((ms) => `${ms} at ${startMs + ms}`));
    expect(clock.pending()).toBe(0);
  });

  test.each([
    ['MESH_BUSY', 'refused'],
    ['MESH_EXPIRED', 'expired'],
    ['MESH_OUTCOME_UNKNOWN', 'unknown'],
    ['MESH_INTERNAL', 'unknown'],
    ['MESH_OF_A_LATER_RELEASE', 'unknown'],
  ])('answered with the error %s is %s', async (code, status) => {
    const { ask, leave, answer } = createWorld();
    const outcome = ask();

    answer(leave()[0]?.id ?? '', { code, message: 'no' }, WireError.kind);

    expect(await outcome).toMatchObject({ status });
  });

  test('answered with something that does not fit is unknown: it ran', async () => {
    const { ask, leave, answer } = createWorld();
    const outcome = ask();

    answer(leave()[0]?.id ?? '', { n: 'one' });

    expect(await outcome).toMatchObject({ status: 'unknown' });
  });

  test.each([
    ['full', 'MESH_BUSY'],
    ['tooLarge', 'MESH_TOO_LARGE'],
  ] as const)('whose queue is %s is refused with %s', async (outcome, code) => {
    const { link, ask } = createWorld();
    link.outcome = outcome;

    expect(await ask()).toMatchObject({ status: 'refused', error: { code } });
  });

  test('whose connection ends is refused when it had not left, and unknown when it had', async () => {
    const { requests, link, ask, leave } = createWorld();
    const sent = ask();
    leave();
    const unsent = ask();

    requests.onGone(link, leave());

    expect(await sent).toMatchObject({ status: 'unknown' });
    expect(await unsent).toMatchObject({ status: 'refused', error: { code: 'MESH_PEER_GONE' } });
  });

  test('is not answered by anybody but whom it was sent to', async () => {
    const { clock, requests, ask, leave, counted } = createWorld();
    const outcome = ask();
    const [sent] = leave();
    const stranger: RequestLink = { name: 'pc3', enqueue: () => 'queued', withdraw: () => false };

    requests.onAnswer(stranger, toEnvelope('test.ask.answer', { n: 666 }), sent?.id ?? '');
    await clock.advance(1_001);

    expect(await outcome).toMatchObject({ status: 'unknown' });
    expect(counted).toEqual(['unmatchedAnswer']);
  });

  test('canceled before it left did not run; canceled later it may have', async () => {
    const { ask, leave } = createWorld();
    const [early, late] = [new AbortController(), new AbortController()];
    const unsent = ask({ signal: early.signal });
    early.abort();
    const sent = ask({ signal: late.signal });
    leave();
    late.abort();

    expect(await unsent).toMatchObject({ status: 'expired' });
    expect(await sent).toMatchObject({ status: 'unknown' });
    expect(await ask({ signal: late.signal })).toMatchObject({ status: 'refused' });
  });

  test('whose id no frame can carry is refused', async () => {
    const { ask, waiting } = createWorld();

    expect(await ask({ id: 'a","b' })).toMatchObject({
      status: 'refused',
      error: { code: 'MESH_INPUT_INVALID' },
    });
    expect(waiting).toEqual([]);
  });

  test('under way when the process stops ends, and leaves no timer', async () => {
    const { clock, requests, ask, leave } = createWorld();
    const sent = ask();
    leave();
    const unsent = ask();

    requests.stop();

    expect(await sent).toMatchObject({ status: 'unknown' });
    expect(await unsent).toMatchObject({ status: 'expired' });
    expect(clock.pending()).toBe(0);
  });
});
