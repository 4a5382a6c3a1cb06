import {
  Hello,
  HelloWanted,
  NodeName,
  Welcome,
  WireError,
  defineMessage,
  defineRequest,
  type Transport,
} from '@meshwork/shared';
import { mintKeyPair } from '@meshwork/platform';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { until } from '../until.ts';
import { createLinkWorld, mesh, type LinkWorld } from './link-world.ts';

const Echo = defineRequest('test.echo', 1, {
  ask: z.object({ text: z.string() }),
  answer: z.object({ text: z.string() }),
});
const Fact = defineMessage(
  'test.fact',
  1,
  z.object({ n: z.number(), text: z.string().optional() }),
);
const pc2 = NodeName.parse('pc2');

/** What every pair of hub and uplink promises, over whatever transport. */
export function describeLink(
  name: string,
  create: () => { readonly hub: Transport; readonly peer: Transport },
): void {
  describe(`link: ${name}`, () => {
    let world: LinkWorld;
    beforeEach(async () => {
      world = await createLinkWorld(create());
    });
    afterEach(() => world.end());
    const ended = (what: string) => until(what, () => world.counts[what], { withinMs: 4_000 });

    describe('who a peer is', () => {
      test('a proven hello binds the name to the connection and is welcomed', async () => {
        const { welcomes } = await world.dial('pc2', { incarnation: 7 });

        expect(welcomes).toMatchObject([{ mesh, term: 1, protocol: 1, calledDead: false }]);
        expect(world.bound).toMatchObject([{ name: 'pc2', role: 'node', incarnation: 7 }]);
        expect(world.hub.isBound(pc2)).toBe(true);
        expect(world.hub.isBound(pc2, 'heartbeat')).toBe(false);
      });

      test('the second connection of a node is bound beside the first, by its role', async () => {
        const keys = await world.enrol('pc2');
        await world.dial('pc2');
        await world.dial('pc2', { keys, role: 'heartbeat' });

        expect(world.hub.isBound(pc2)).toBe(true);
        expect(world.hub.isBound(pc2, 'heartbeat')).toBe(true);
      });

      test('a hello proved with another node’s key is refused', async () => {
        await world.enrol('pc2');
        const pc3 = await world.enrol('pc3');
        const raw = await world.knock(pc3);

        await raw.sayHello('pc2', pc3);

        await ended('hello unknownKey');
        expect(raw.got).toMatchObject([
          { kind: WireError.kind, body: { code: 'MESH_HELLO_REFUSED' } },
        ]);
        expect(world.bound).toEqual([]);
      });

      test('a hello that names another’s public key without its secret is refused', async () => {
        const victim = await world.enrol('pc2');
        const pc3 = await world.enrol('pc3');
        const raw = await world.knock(pc3);

        await raw.sayHello('pc2', { publicKey: victim.publicKey, secretKey: pc3.secretKey });

        await ended('hello badProof');
        expect(world.bound).toEqual([]);
      });

      test('a proof that was made for one routing id is refused on another', async () => {
        const keys = await world.enrol('pc2');
        const first = await world.knock(keys, 'first-connection');
        const second = await world.knock(keys, 'other-connection');

        await second.sayHello('pc2', keys, { proofOver: first.routingId });

        await ended('hello badProof');
        expect(world.bound).toEqual([]);
      });

      test('what comes before a good hello is dropped, counted and answered with hello?', async () => {
        const facts: number[] = [];
        world.hub.onMessage(Fact, (_, { n }) => facts.push(n));
        const raw = await world.knock(await world.enrol('pc2'));

        await raw.sayMessage({ kind: Fact.kind, body: { n: 1 } });

        await ended('dropped unproven');
        await until('hello? arrives', () => raw.got.some(({ kind }) => kind === HelloWanted.kind));
        expect(facts).toEqual([]);
      });

      test('a second connection under the first one’s routing id says nothing in its name', async () => {
        const facts: number[] = [];
        world.hub.onMessage(Fact, (_, { n }) => facts.push(n));
        const victim = await world.enrol('pc2');
        const owner = await world.knock(victim, 'shared-routing-id');
        await owner.sayHello('pc2', victim);
        await until('the owner is bound', () =>
          owner.got.some(({ kind }) => kind === Welcome.kind),
        );

        const thief = await world.knock(await world.enrol('pc3'), 'shared-routing-id');
        await thief.sayMessage({ kind: Fact.kind, body: { n: 666 } });
        await thief.sayMessage({ kind: Fact.kind, body: { n: 667 } }, 'guessed');

        await until('both are dropped', () => world.counts['dropped unproven'] === 2);
        expect(facts).toEqual([]);
        expect(world.bound.map((peer) => peer.name)).toEqual(['pc2']);
      });

      test('whoever lost its routing id to another is back by itself', async () => {
        const { uplink, welcomes } = await world.dial('pc2');
        world.hub.onRequest(Echo, (_, { text }) => ({ text }));

        // A new hello of the same node over another connection, as after a restart.
        const keys = await world.enrol('pc2');
        const raw = await world.knock(keys);
        await raw.sayHello('pc2', keys);
        await ended('ended replaced');

        await until('the uplink says hello again', () => {
          uplink.send(Fact, { n: 1 });
          return welcomes.length >= 2;
        });
        const outcome = await uplink.request(Echo, { text: 'a' }, { timeoutMs: 2_000 });
        expect(outcome).toMatchObject({ status: 'answered' });
      });

      test('an older incarnation does not displace a newer one', async () => {
        await world.dial('pc2', { incarnation: 5 });
        const keys = await world.enrol('pc2');
        const raw = await world.knock(keys);

        await raw.sayHello('pc2', keys, { incarnation: 4 });

        await ended('hello outdated');
        expect(world.bound).toHaveLength(1);
      });

      test('a refused hello reaches the node with the reason', async () => {
        world.judge = () => ({
          accept: false,
          error: { code: 'MESH_TERM_LOST', message: 'not yours' },
        });

        const { refusals } = await world.dial('pc2', { wait: false });

        await until('the refusal arrives', () => refusals.length > 0);
        expect(refusals[0]).toMatchObject({ code: 'MESH_TERM_LOST', message: 'not yours' });
      });

      test('a key that was never accepted is told so', async () => {
        const { refusals } = await world.dial('pc2', { wait: false, keys: mintKeyPair() });

        await until('the refusal arrives', () => refusals.length > 0);
        expect(refusals[0]).toMatchObject({ code: 'MESH_HELLO_REFUSED' });
      });

      test('a raised incarnation is said and bound without a new connection', async () => {
        const { uplink, welcomes } = await world.dial('pc2');

        uplink.renew(2);

        await until('the new incarnation is bound', () => welcomes.length === 2);
        expect(world.bound.map(({ incarnation }) => incarnation)).toEqual([1, 2]);
        expect(world.closed).toEqual([]);
      });

      test('a protocol range without a common version is refused', async () => {
        const keys = await world.enrol('pc2');
        const raw = await world.knock(keys);
        await raw.sayMessage({
          kind: Hello.kind,
          body: {
            node: 'pc2',
            role: 'node',
            incarnation: 1,
            publicKey: keys.publicKey,
            proof: '0'.repeat(64),
          },
        });

        await ended('hello refused');
        expect(world.bound).toEqual([]);
      });
    });

    describe('messages and requests', () => {
      test('messages arrive in order with their sender from the binding', async () => {
        const got: string[] = [];
        world.hub.onMessage(Fact, (from, { n }) => got.push(`${from.name} ${n}`));
        const { uplink } = await world.dial('pc2');

        for (let n = 0; n < 1_000; n += 1) expect(uplink.send(Fact, { n })).toBe('queued');

        await until('all arrive', () => got.length === 1_000);
        expect(got).toEqual(Array.from({ length: 1_000 }, (_, n) => `pc2 ${n}`));
      });

      test('messages of one turn leave as few frames', async () => {
        const got: number[] = [];
        const { uplink } = await world.dial('pc2', {
          handle: (u) => u.onMessage(Fact, (_, { n }) => got.push(n)),
        });
        await uplink.request(Echo, { text: 'settle' }, { timeoutMs: 2_000 });
        const before = world.counts['frames'] ?? 0;

        for (let n = 0; n < 500; n += 1) world.hub.send(pc2, Fact, { n });

        await until('all arrive', () => got.length === 500);
        expect((world.counts['frames'] ?? 0) - before).toBeLessThan(10);
      });

      test('requests are answered both ways, many at a time', async () => {
        world.hub.onRequest(Echo, async (from, { text }) => ({ text: `${from.name}: ${text}` }));
        const { uplink } = await world.dial('pc2', {
          handle: (u) => u.onRequest(Echo, (_, { text }) => ({ text })),
        });

        const up = Array.from({ length: 200 }, (_, n) =>
          uplink.request(Echo, { text: `u${n}` }, { timeoutMs: 5_000 }),
        );
        const down = Array.from({ length: 200 }, (_, n) =>
          world.hub.request(pc2, Echo, { text: `d${n}` }, { timeoutMs: 5_000 }),
        );

        const texts = (await Promise.all([...up, ...down])).map(
          (o) => o.status === 'answered' && o.answer.text,
        );
        expect(texts).toEqual([
          ...Array.from({ length: 200 }, (_, n) => `pc2: u${n}`),
          ...Array.from({ length: 200 }, (_, n) => `d${n}`),
        ]);
      });

      test('a body of almost 1 MiB arrives and a larger one is refused', async () => {
        const { uplink } = await world.dial('pc2', {
          handle: (u) => u.onRequest(Echo, (_, { text }) => ({ text })),
        });
        const ask = (length: number) =>
          world.hub.request(pc2, Echo, { text: 'x'.repeat(length) }, { timeoutMs: 5_000 });

        expect(await ask(1_048_000)).toMatchObject({ status: 'answered' });
        expect(await ask(1_048_577)).toMatchObject({
          status: 'refused',
          error: { code: 'MESH_TOO_LARGE' },
        });
        expect(uplink.send(Fact, { n: 1, text: 'x'.repeat(1_100_000) })).toBe('tooLarge');
      });

      test('an answer that is too large becomes an error, not silence', async () => {
        await world.dial('pc2', {
          handle: (u) => u.onRequest(Echo, () => ({ text: 'x'.repeat(1_100_000) })),
        });

        const outcome = await world.hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000 });

        expect(outcome).toMatchObject({ status: 'refused', error: { code: 'MESH_TOO_LARGE' } });
      });

      test('an unknown kind is counted and answered', async () => {
        await world.dial('pc2');

        const outcome = await world.hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000 });

        expect(outcome).toMatchObject({ status: 'refused', error: { code: 'MESH_KIND_UNKNOWN' } });
        expect(world.counts['dropped unknownKind']).toBe(1);
      });

      test('a body that does not fit its schema is answered with the problems', async () => {
        world.hub.onRequest(Echo, (_, body) => body);
        const { uplink } = await world.dial('pc2');
        const Wrong = defineRequest('test.echo', 1, {
          ask: z.object({ text: z.number() }),
          answer: z.object({}),
        });

        const outcome = await uplink.request(Wrong, { text: 1 }, { timeoutMs: 5_000 });

        expect(outcome).toMatchObject({
          status: 'refused',
          error: { code: 'MESH_INPUT_INVALID', details: { problems: [{ path: 'text' }] } },
        });
      });

      test('fields of a newer release are ignored', async () => {
        const got: unknown[] = [];
        world.hub.onMessage(Fact, (_, body) => got.push(body));
        const { uplink } = await world.dial('pc2');
        const Newer = defineMessage('test.fact', 1, z.object({ n: z.number(), added: z.string() }));

        uplink.send(Newer, { n: 1, added: 'later' });

        await until('it arrives', () => got.length === 1);
        expect(got).toEqual([{ n: 1 }]);
      });

      test('a handler that throws answers a refusal with its code; one with a bug leaves the outcome unknown', async () => {
        const { MeshError } = await import('@meshwork/shared');
        const { uplink } = await world.dial('pc2');
        world.hub.onRequest(Echo, (_, { text }) => {
          if (text === 'bug') throw new TypeError('oops');
          throw new MeshError('MESH_BUSY', 'not now');
        });

        const refused = await uplink.request(Echo, { text: '' }, { timeoutMs: 5_000 });
        const unknown = await uplink.request(Echo, { text: 'bug' }, { timeoutMs: 5_000 });

        expect(refused).toMatchObject({
          status: 'refused',
          error: { code: 'MESH_BUSY', message: 'not now' },
        });
        expect(unknown).toMatchObject({ status: 'unknown' });
      });

      test('a handler of messages that throws harms nobody', async () => {
        const got: number[] = [];
        world.hub.onMessage(Fact, (_, { n }) => {
          if (n === 1) throw new Error('oops');
          got.push(n);
        });
        const { uplink } = await world.dial('pc2');

        for (const n of [1, 2]) uplink.send(Fact, { n });

        await until('the second arrives', () => got.length === 1);
        expect(world.counts['dropped handlerFailed']).toBe(1);
      });

      test('a request without an answer by its deadline is unknown, and late answers are dropped', async () => {
        const { promise, resolve } = Promise.withResolvers<{ text: string }>();
        await world.dial('pc2', { handle: (u) => u.onRequest(Echo, () => promise) });

        const outcome = await world.hub.request(pc2, Echo, { text: '' }, { timeoutMs: 50 });
        resolve({ text: 'late' });

        expect(outcome).toMatchObject({
          status: 'unknown',
          error: { code: 'MESH_OUTCOME_UNKNOWN' },
        });
        await ended('dropped unmatchedAnswer');
      });

      test('a request to whom nobody is bound is refused at once', async () => {
        const outcome = await world.hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000 });

        expect(outcome).toMatchObject({
          status: 'refused',
          error: { code: 'MESH_NODE_UNAVAILABLE' },
        });
        expect(world.hub.send(pc2, Fact, { n: 1 })).toBe('unbound');
      });

      test('a canceled request that was sent is unknown', async () => {
        const canceling = new AbortController();
        await world.dial('pc2', {
          handle: (u) =>
            u.onRequest(Echo, () => {
              canceling.abort();
              return new Promise(() => {});
            }),
        });

        const outcome = await world.hub.request(
          pc2,
          Echo,
          { text: '' },
          { timeoutMs: 5_000, signal: canceling.signal },
        );

        expect(outcome).toMatchObject({ status: 'unknown' });
      });

      test('a repeated id gets the first answer and does not act again', async () => {
        let acts = 0;
        await world.dial('pc2', {
          handle: (u) => u.onRequest(Echo, () => ({ text: `act ${(acts += 1)}` })),
        });
        const act = (id: string) =>
          world.hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000, id });

        const outcomes = [await act('a'), await act('a'), await act('b')];

        expect(outcomes.map((o) => o.status === 'answered' && o.answer.text)).toEqual([
          'act 1',
          'act 1',
          'act 2',
        ]);
      });

      test('a repeat over a new connection gets the first answer too', async () => {
        let acts = 0;
        const { uplink, welcomes } = await world.dial('pc2', {
          handle: (u) => u.onRequest(Echo, () => ({ text: `act ${(acts += 1)}` })),
        });
        const act = () =>
          world.hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000, id: 'once' });
        const first = await act();

        uplink.renew(2);
        await until('bound again', () => welcomes.length === 2);

        expect(await act()).toEqual(first);
        expect(acts).toBe(1);
      });

      test('a repeat while the first runs shares its answer', async () => {
        let acts = 0;
        const { promise, resolve } = Promise.withResolvers<void>();
        await world.dial('pc2', {
          handle: (u) =>
            u.onRequest(Echo, async () => {
              acts += 1;
              await promise;
              return { text: 'done' };
            }),
        });
        const act = () =>
          world.hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000, id: 'once' });

        const both = Promise.all([act(), act()]);
        await until('it runs', () => acts > 0);
        resolve();

        expect(await both).toMatchObject([{ status: 'answered' }, { status: 'answered' }]);
        expect(acts).toBe(1);
      });

      test('of messages in a slot only the latest is sent, before what is queued', async () => {
        const got: number[] = [];
        const Latest = defineMessage('test.latest', 1, z.object({ n: z.number() }));
        await world.dial('pc2', {
          handle(u) {
            u.onMessage(Fact, (_, { n }) => got.push(n));
            u.onMessage(Latest, (_, { n }) => got.push(n));
          },
        });

        world.hub.send(pc2, Fact, { n: 1 });
        for (const n of [10, 11, 12]) world.hub.sendLatest(pc2, Latest, { n });

        await until('both arrive', () => got.length === 2);
        expect(got).toEqual([12, 1]);
      });

      test('each message says the term of its sender, and what is left of its timeout', async () => {
        const seen: { term: number; remainingMs?: number; trace?: string }[] = [];
        world.hub.setTerm(41);
        await world.dial('pc2', {
          handle: (u) =>
            u.onRequest(Echo, (_, body, received) => {
              seen.push(received);
              return body;
            }),
        });

        await world.hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000, trace: 'abc' });

        expect(seen).toMatchObject([{ term: 41, trace: 'abc' }]);
        expect(seen[0]?.remainingMs).toBeGreaterThan(3_000);
        expect(seen[0]?.remainingMs).toBeLessThanOrEqual(5_000);
      });
    });

    describe('connections that end', () => {
      test('a closed connection is told within a second though nothing else is sent', async () => {
        const { uplink } = await world.dial('pc2');
        await uplink.stop(AbortSignal.abort());

        const startMs = performance.now();
        await until('the hub tells', () => world.closed.length === 1);

        expect(performance.now() - startMs).toBeLessThan(1_000);
        expect(world.hub.isBound(pc2)).toBe(false);
      });

      test('a request under way when its connection closes is unknown at once', async () => {
        let isRunning = false;
        const { uplink } = await world.dial('pc2', {
          handle: (u) =>
            u.onRequest(Echo, () => {
              isRunning = true;
              return new Promise(() => {});
            }),
        });
        const outcome = world.hub.request(pc2, Echo, { text: '' }, { timeoutMs: 60_000 });
        await until('it runs', () => isRunning);

        await uplink.stop(AbortSignal.abort());

        expect(await outcome).toMatchObject({ status: 'unknown' });
      });

      test('what was queued when the uplink stops still arrives', async () => {
        const got: number[] = [];
        world.hub.onMessage(Fact, (_, { n }) => got.push(n));
        const { uplink } = await world.dial('pc2');

        uplink.send(Fact, { n: 1 });
        await uplink.stop(AbortSignal.timeout(1_000));

        await until('it arrives', () => got.length === 1);
      });

      test('a node that comes back is bound again and hears its welcome', async () => {
        const { uplink } = await world.dial('pc2');
        await uplink.stop(AbortSignal.abort());
        await until('the hub tells', () => world.closed.length === 1);

        const again = await world.dial('pc2', { incarnation: 2 });

        expect(again.welcomes).toHaveLength(1);
        expect(world.hub.isBound(pc2)).toBe(true);
      });

      test('the next address is tried when one does not answer', async () => {
        const { welcomes } = await world.dial('pc2', { addresses: ['127.0.0.1:1', world.address] });

        expect(welcomes).toHaveLength(1);
      });
    });

    describe('revoke', () => {
      test('the binding ends at once and what the peer still sends is discarded unread', async () => {
        const facts: number[] = [];
        world.hub.onMessage(Fact, (_, { n }) => facts.push(n));
        const keys = await world.enrol('pc2');
        const raw = await world.knock(keys);
        await raw.sayHello('pc2', keys);
        const welcome = await until('it is welcomed', () =>
          raw.got.find(({ kind }) => kind === Welcome.kind),
        );
        const { session } = Welcome.body.parse(welcome.body);

        await world.revoke('pc2');
        await raw.sayMessage({ kind: Fact.kind, body: { n: 1 } }, session);

        expect(world.hub.isBound(pc2)).toBe(false);
        await ended('dropped revoked');
        expect(facts).toEqual([]);
        expect(world.counts['rebound']).toBeUndefined();
      });

      test('a peer that goes on sending is cut, and the others are back by themselves', async () => {
        const other = await world.dial('pc3');
        const keys = await world.enrol('pc2');
        const raw = await world.knock(keys);
        await raw.sayHello('pc2', keys);
        await until('it is bound', () => world.hub.isBound(pc2));

        await world.revoke('pc2');
        const startMs = performance.now();
        await until('its connection is cut', async () => {
          await raw.sayMessage({ kind: Fact.kind, body: { n: 1 } });
          return raw.isClosed;
        });
        const tookMs = performance.now() - startMs;
        await until('the other one is bound again', () => other.welcomes.length === 2);

        expect(tookMs).toBeLessThan(1_000);
        expect(world.counts['rebound']).toBe(1);
        expect(world.closed).toEqual([]);
      });

      test('a node accepted again is bound again', async () => {
        const keys = await world.enrol('pc2');
        const { welcomes } = await world.dial('pc2', { keys });
        await world.revoke('pc2');

        await world.enrol('pc2');

        await until('bound again', () => welcomes.length === 2, { withinMs: 15_000 });
      });
    });
  });
}
