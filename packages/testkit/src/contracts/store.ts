import type { MeshStore, StoreChange, StoredEvent } from '@meshwork/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** A store under test: started and opened, on an empty database. */
export interface StoreSubject {
  readonly store: MeshStore;
  /** Another client of the same database, started and opened. */
  another(): Promise<MeshStore>;
  end(): Promise<void>;
}

/** Events that a subject keeps, about: the stream may hold some more. */
export const CONTRACT_EVENTS_KEPT = 100;

/** What every store promises, whatever it keeps its documents in. */
export function describeStore(name: string, create: () => Promise<StoreSubject>): void {
  describe(`store: ${name}`, () => {
    let subject: StoreSubject;
    let store: MeshStore;
    let term: number;
    let changes = 0;
    beforeEach(async () => {
      subject = await create();
      store = subject.store;
      ({ term } = await store.claimTerm({ atLeast: 0, owner: 'first' }));
    });
    afterEach(() => subject.end());

    const commit = (change: Omit<StoreChange, 'term' | 'changeId'> & Partial<StoreChange>) =>
      store.commit({ term, changeId: `change-${(changes += 1)}`, ...change });
    const node = (key: string, value: unknown) => ({ collection: 'nodes', key, value });
    const ticks = (count: number, from = 0) =>
      Array.from({ length: count }, (_, n) => ({ kind: 'tick', n: from + n }));
    const numbersOf = (events: readonly StoredEvent[]) => events.map((event) => event.body['n']);

    describe('terms', () => {
      test('a claimed term is one above the highest of stored and asked', async () => {
        expect(term).toBe(1);
        expect(await store.claimTerm({ atLeast: 0, owner: 'second' })).toMatchObject({ term: 2 });
        expect(await store.claimTerm({ atLeast: 41, owner: 'third' })).toMatchObject({ term: 42 });
      });

      test('a repeated claim of the same owner answers the same term', async () => {
        expect(await store.claimTerm({ atLeast: 0, owner: 'first' })).toMatchObject({ term });
      });

      test('a claim tells whose reign it ended', async () => {
        const { previous } = await store.claimTerm({ atLeast: 0, owner: 'second' });

        expect(previous?.owner).toBe('first');
        expect(previous?.renewedAgoMs).toBeGreaterThanOrEqual(0);
      });

      test('no two owners ever get the same term', async () => {
        const other = await subject.another();
        const claims = Array.from({ length: 20 }, (_, n) =>
          (n % 2 === 0 ? store : other).claimTerm({ atLeast: 0, owner: `owner-${n}` }),
        );

        const terms = (await Promise.all(claims)).map((claim) => claim.term);

        expect(new Set(terms).size).toBe(20);
      });

      test('who lost its term can change and renew nothing', async () => {
        await commit({ set: [node('pc2', 1)] });
        const other = await subject.another();
        const taken = await other.claimTerm({ atLeast: 0, owner: 'second' });

        await expect(store.renewTerm(term)).rejects.toMatchObject({ code: 'MESH_TERM_LOST' });
        await expect(commit({ set: [node('pc2', 2)], events: ticks(1) })).rejects.toMatchObject({
          code: 'MESH_TERM_LOST',
          details: { term, current: taken.term },
        });

        expect((await other.load(['nodes'])).documents.get('nodes')?.get('pc2')).toBe(1);
        expect((await other.readEvents({ limit: 10 })).events).toEqual([]);
        await expect(other.renewTerm(taken.term)).resolves.toBeUndefined();
      });
    });

    describe('changes', () => {
      test('documents are set and deleted, and each change raises the revision by one', async () => {
        const first = await commit({
          set: [
            node('pc1', 'a'),
            node('pc2', 'b'),
            { collection: 'fleets', key: 'home', value: { agents: 77 } },
          ],
        });
        const second = await commit({
          set: [node('pc1', 'c')],
          delete: [{ collection: 'nodes', key: 'pc2' }],
        });

        const { revision, documents } = await store.load(['nodes', 'fleets', 'empty']);
        expect([first.revision, second.revision, revision]).toEqual([1, 2, 2]);
        expect(documents).toEqual(
          new Map([
            ['nodes', new Map([['pc1', 'c']])],
            ['fleets', new Map([['home', { agents: 77 }]])],
            ['empty', new Map()],
          ]),
        );
      });

      test.each([
        [{}],
        [[]],
        [{ list: [], map: {}, nothing: null }],
        ['ä € 🦊 "quoted" \\ \n\u0000'],
        [Number.MAX_SAFE_INTEGER],
        [0.1],
        [false],
        [{ deep: [[[{ a: [1, 2, { b: 'c' }] }]]] }],
      ])('the value %j comes back as it was', async (value) => {
        await commit({ set: [node('pc1', value)] });

        expect((await store.load(['nodes'])).documents.get('nodes')?.get('pc1')).toEqual(value);
      });

      test('a change made for another revision is refused as a whole', async () => {
        await commit({ set: [node('pc1', 1)] });

        await expect(
          commit({ expectRevision: 0, set: [node('pc1', 2)], events: ticks(1) }),
        ).rejects.toMatchObject({
          code: 'MESH_PLAN_STALE',
          details: { revision: 1, expected: 0 },
        });

        expect((await store.load(['nodes'])).documents.get('nodes')?.get('pc1')).toBe(1);
        expect((await store.readEvents({ limit: 10 })).events).toEqual([]);
        await expect(commit({ expectRevision: 1, set: [node('pc1', 2)] })).resolves.toEqual({
          revision: 2,
        });
      });

      test('a repeated change answers what it did the first time and does nothing', async () => {
        const change = { changeId: 'once', set: [node('pc1', 1)], events: ticks(1) };
        const first = await commit(change);
        await commit({ set: [node('pc1', 2)] });

        const repeated = await commit(change);

        expect(repeated).toEqual(first);
        expect((await store.load(['nodes'])).documents.get('nodes')?.get('pc1')).toBe(2);
        expect((await store.readEvents({ limit: 10 })).events).toHaveLength(1);
      });

      test('a repeated change answers the first answer also after the term was lost', async () => {
        const first = await commit({ changeId: 'once', set: [node('pc1', 1)] });
        await store.claimTerm({ atLeast: 0, owner: 'second' });

        expect(await commit({ changeId: 'once', set: [node('pc1', 1)] })).toEqual(first);
      });

      test('events alone do not raise the revision', async () => {
        expect(await commit({ events: ticks(3) })).toEqual({ revision: 0 });
      });

      test('a change over the bound is refused', async () => {
        await expect(
          commit({ set: [node('pc1', 'x'.repeat(9 * 1024 * 1024))] }),
        ).rejects.toMatchObject({ code: 'MESH_TOO_LARGE' });
      });

      test('changes at the same time all count', async () => {
        await Promise.all(
          Array.from({ length: 200 }, (_, n) => commit({ set: [node(`n${n}`, n)] })),
        );

        const { revision, documents } = await store.load(['nodes']);
        expect(revision).toBe(200);
        expect(documents.get('nodes')?.size).toBe(200);
      });
    });

    describe('events', () => {
      test('come in pages, in order', async () => {
        await commit({ events: ticks(5) });
        await commit({ events: ticks(5, 5) });

        const first = await store.readEvents({ limit: 7 });
        const second = await store.readEvents({ after: first.next, limit: 7 });

        expect(numbersOf(first.events)).toEqual([0, 1, 2, 3, 4, 5, 6]);
        expect(numbersOf(second.events)).toEqual([7, 8, 9]);
        expect([first.hasGap, second.hasGap, second.next]).toEqual([false, false, undefined]);
        expect(numbersOf(await store.readLastEvents(2))).toEqual([8, 9]);
      });

      test('a position that is none is refused', async () => {
        await expect(store.readEvents({ after: 'yesterday', limit: 1 })).rejects.toMatchObject({
          code: 'MESH_INPUT_INVALID',
        });
      });

      test('trimmed events are told as a gap', async () => {
        await commit({ events: ticks(1) });
        const { events } = await store.readEvents({ limit: 1 });
        await commit({ events: ticks(3 * CONTRACT_EVENTS_KEPT) });

        const page = await store.readEvents({ after: events[0]?.id, limit: 1 });

        expect(page.hasGap).toBe(true);
        expect(page.events).toHaveLength(1);
      });

      test('a follower without a position gets what comes, until it is told to stop', async () => {
        await commit({ events: ticks(2) });
        const leave = new AbortController();
        const seen: unknown[] = [];
        const following = (async () => {
          for await (const event of store.followEvents({ signal: leave.signal })) {
            seen.push('gap' in event ? 'gap' : event.body['n']);
            if (seen.length === 3) leave.abort();
          }
        })();
        // It stands at the newest event once it was asked for one: each commit below comes after that.
        await store.readLastEvents(1);

        for (let n = 10; n < 13; n += 1) await commit({ events: ticks(1, n) });
        await following;

        expect(seen).toEqual([10, 11, 12]);
      });

      test('a follower with a position gets all after it, also what another client adds', async () => {
        await commit({ events: ticks(3) });
        const { events } = await store.readEvents({ limit: 1 });
        const other = await subject.another();
        const leave = new AbortController();
        const seen: unknown[] = [];

        for await (const event of other.followEvents({
          after: events[0]?.id,
          signal: leave.signal,
        })) {
          seen.push('gap' in event ? 'gap' : event.body['n']);
          if (seen.length === 2) await commit({ events: ticks(2, 3) });
          if (seen.length === 4) leave.abort();
        }

        expect(seen).toEqual([1, 2, 3, 4]);
      });

      test('a slow follower holds up no other and misses nothing', async () => {
        const leave = new AbortController();
        const first = Promise.withResolvers<void>();
        const resume = Promise.withResolvers<void>();
        const collect = async (onFirst: () => Promise<void>): Promise<unknown[]> => {
          const seen: unknown[] = [];
          for await (const event of store.followEvents({ after: '0-0', signal: leave.signal })) {
            if (seen.push('gap' in event ? 'gap' : event.body['n']) === 1) await onFirst();
            if (seen.length === 50) return seen;
          }
          return seen;
        };
        const slow = collect(async () => {
          first.resolve();
          await resume.promise;
        });
        await commit({ events: ticks(1) });
        await first.promise;

        const fast = collect(async () => {});
        for (let n = 1; n < 50; n += 1) await commit({ events: ticks(1, n) });
        expect(await fast).toHaveLength(50);
        resume.resolve();

        expect(await slow).toEqual(Array.from({ length: 50 }, (_, n) => n));
        leave.abort();
      });
    });
  });
}
