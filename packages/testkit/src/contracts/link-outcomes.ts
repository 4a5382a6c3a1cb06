import { defineMessage } from '@meshwork/shared';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { until } from '../until.ts';
import { Echo, Fact, pc2, ended } from './link-kinds.ts';
import { type LinkWorld } from './link-world.ts';

/** How requests end: answered, refused, expired or unknown, and once. */
export function describeOutcomes(subject: () => LinkWorld): void {
  describe('how requests end', () => {
    test('a request without an answer by its deadline is unknown, and late answers are dropped', async () => {
      const { promise, resolve } = Promise.withResolvers<{ text: string }>();
      await subject().dial('pc2', { handle: (u) => u.onRequest(Echo, () => promise) });

      const outcome = await subject().hub.request(pc2, Echo, { text: '' }, { timeoutMs: 50 });
      resolve({ text: 'late' });

      expect(outcome).toMatchObject({
        status: 'unknown',
        error: { code: 'MESH_OUTCOME_UNKNOWN' },
      });
      await ended(subject, 'dropped unmatchedAnswer');
    });

    test('a request to whom nobody is bound is refused at once', async () => {
      const outcome = await subject().hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000 });

      expect(outcome).toMatchObject({
        status: 'refused',
        error: { code: 'MESH_NODE_UNAVAILABLE' },
      });
      expect(subject().hub.send(pc2, Fact, { n: 1 })).toBe('unbound');
    });

    test('a canceled request that was sent is unknown', async () => {
      const canceling = new AbortController();
      await subject().dial('pc2', {
        handle: (u) =>
          u.onRequest(Echo, () => {
            canceling.abort();
            return new Promise(() => {});
          }),
      });

      const outcome = await subject().hub.request(
        pc2,
        Echo,
        { text: '' },
        { timeoutMs: 5_000, signal: canceling.signal },
      );

      expect(outcome).toMatchObject({ status: 'unknown' });
    });

    test('a repeated id gets the first answer and does not act again', async () => {
      let acts = 0;
      await subject().dial('pc2', {
        handle: (u) => u.onRequest(Echo, () => ({ text: `act ${(acts += 1)}` })),
      });
      const act = (id: string) =>
        subject().hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000, id });

      const outcomes = [await act('a'), await act('a'), await act('b')];

      expect(outcomes.map((o) => o.status === 'answered' && o.answer.text)).toEqual([
        'act 1',
        'act 1',
        'act 2',
      ]);
    });

    test('a repeat over a new connection gets the first answer too', async () => {
      let acts = 0;
      const { uplink, welcomes } = await subject().dial('pc2', {
        handle: (u) => u.onRequest(Echo, () => ({ text: `act ${(acts += 1)}` })),
      });
      const act = () =>
        subject().hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000, id: 'once' });
      const first = await act();

      uplink.renew(2);
      await until('bound again', () => welcomes.length === 2);

      expect(await act()).toEqual(first);
      expect(acts).toBe(1);
    });

    test('a repeat while the first runs shares its answer', async () => {
      let acts = 0;
      const { promise, resolve } = Promise.withResolvers<void>();
      await subject().dial('pc2', {
        handle: (u) =>
          u.onRequest(Echo, async () => {
            acts += 1;
            await promise;
            return { text: 'done' };
          }),
      });
      const act = () =>
        subject().hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000, id: 'once' });

      const both = Promise.all([act(), act()]);
      await until('it runs', () => acts > 0);
      resolve();

      expect(await both).toMatchObject([{ status: 'answered' }, { status: 'answered' }]);
      expect(acts).toBe(1);
    });

    test('of messages in a slot only the latest is sent, before what is queued', async () => {
      const got: number[] = [];
      const Latest = defineMessage('test.latest', 1, z.object({ n: z.number() }));
      await subject().dial('pc2', {
        handle(u) {
          u.onMessage(Fact, (_, { n }) => got.push(n));
          u.onMessage(Latest, (_, { n }) => got.push(n));
        },
      });

      subject().hub.send(pc2, Fact, { n: 1 });
      for (const n of [10, 11, 12]) subject().hub.sendLatest(pc2, Latest, { n });

      await until('both arrive', () => got.length === 2);
      expect(got).toEqual([12, 1]);
    });

    test('each message says the term of its sender, and what is left of its timeout', async () => {
      const seen: { term: number; remainingMs?: number; trace?: string }[] = [];
      subject().hub.setTerm(41);
      await subject().dial('pc2', {
        handle: (u) =>
          u.onRequest(Echo, (_, body, received) => {
            seen.push(received);
            return body;
          }),
      });

      await subject().hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000, trace: 'abc' });

      expect(seen).toMatchObject([{ term: 41, trace: 'abc' }]);
      expect(seen[0]?.remainingMs).toBeGreaterThan(3_000);
      expect(seen[0]?.remainingMs).toBeLessThanOrEqual(5_000);
    });
  });
}
