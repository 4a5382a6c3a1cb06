import { Hello, HelloWanted, Welcome, WireError } from '@meshwork/shared';
import { mintKeyPair } from '@meshwork/platform';
import { describe, expect, test } from 'vitest';
import { until } from '../until.ts';
import { Echo, Fact, pc2, ended } from './link-kinds.ts';
import { mesh, type LinkWorld } from './link-world.ts';

/** Who a peer is, and who it is not. */
export function describeIdentity(subject: () => LinkWorld): void {
  describe('who a peer is', () => {
    test('a proven hello binds the name to the connection and is welcomed', async () => {
      const { welcomes } = await subject().dial('pc2', { incarnation: 7 });

      expect(welcomes).toMatchObject([{ mesh, term: 1, protocol: 1, calledDead: false }]);
      expect(subject().bound).toMatchObject([{ name: 'pc2', role: 'node', incarnation: 7 }]);
      expect(subject().hub.isBound(pc2)).toBe(true);
      expect(subject().hub.isBound(pc2, 'heartbeat')).toBe(false);
    });

    test('the second connection of a node is bound beside the first, by its role', async () => {
      const keys = await subject().enrol('pc2');
      await subject().dial('pc2');
      await subject().dial('pc2', { keys, role: 'heartbeat' });

      expect(subject().hub.isBound(pc2)).toBe(true);
      expect(subject().hub.isBound(pc2, 'heartbeat')).toBe(true);
    });

    test('a hello proved with another node’s key is refused', async () => {
      await subject().enrol('pc2');
      const pc3 = await subject().enrol('pc3');
      const raw = await subject().knock(pc3);

      await raw.sayHello('pc2', pc3);

      await ended(subject, 'hello unknownKey');
      expect(raw.got).toMatchObject([
        { kind: WireError.kind, body: { code: 'MESH_HELLO_REFUSED' } },
      ]);
      expect(subject().bound).toEqual([]);
    });

    test('a hello that names another’s public key without its secret is refused', async () => {
      const victim = await subject().enrol('pc2');
      const pc3 = await subject().enrol('pc3');
      const raw = await subject().knock(pc3);

      await raw.sayHello('pc2', { publicKey: victim.publicKey, secretKey: pc3.secretKey });

      await ended(subject, 'hello badProof');
      expect(subject().bound).toEqual([]);
    });

    test('a proof that was made for one routing id is refused on another', async () => {
      const keys = await subject().enrol('pc2');
      const first = await subject().knock(keys, 'first-connection');
      const second = await subject().knock(keys, 'other-connection');

      await second.sayHello('pc2', keys, { proofOver: first.routingId });

      await ended(subject, 'hello badProof');
      expect(subject().bound).toEqual([]);
    });

    test('what comes before a good hello is dropped, counted and answered with hello?', async () => {
      const facts: number[] = [];
      subject().hub.onMessage(Fact, (_, { n }) => facts.push(n));
      const raw = await subject().knock(await subject().enrol('pc2'));

      await raw.sayMessage({ kind: Fact.kind, body: { n: 1 } });

      await ended(subject, 'dropped unproven');
      await until('hello? arrives', () => raw.got.some(({ kind }) => kind === HelloWanted.kind));
      expect(facts).toEqual([]);
    });

    test('a second connection under the first one’s routing id says nothing in its name', async () => {
      const facts: number[] = [];
      subject().hub.onMessage(Fact, (_, { n }) => facts.push(n));
      const victim = await subject().enrol('pc2');
      const owner = await subject().knock(victim, 'shared-routing-id');
      await owner.sayHello('pc2', victim);
      await until('the owner is bound', () => owner.got.some(({ kind }) => kind === Welcome.kind));

      const thief = await subject().knock(await subject().enrol('pc3'), 'shared-routing-id');
      await thief.sayMessage({ kind: Fact.kind, body: { n: 666 } });
      await thief.sayMessage({ kind: Fact.kind, body: { n: 667 } }, 'guessed');

      await until('both are dropped', () => subject().counts['dropped unproven'] === 2);
      expect(facts).toEqual([]);
      expect(subject().bound.map((peer) => peer.name)).toEqual(['pc2']);
    });

    test('whoever lost its routing id to another is back by itself', async () => {
      const { uplink, welcomes } = await subject().dial('pc2');
      subject().hub.onRequest(Echo, (_, { text }) => ({ text }));

      // A new hello of the same node over another connection, as after a restart.
      const keys = await subject().enrol('pc2');
      const raw = await subject().knock(keys);
      await raw.sayHello('pc2', keys);
      await ended(subject, 'ended replaced');

      await until('the uplink says hello again', () => {
        uplink.send(Fact, { n: 1 });
        return welcomes.length >= 2;
      });
      const outcome = await uplink.request(Echo, { text: 'a' }, { timeoutMs: 2_000 });
      expect(outcome).toMatchObject({ status: 'answered' });
    });

    test('an older incarnation does not displace a newer one', async () => {
      await subject().dial('pc2', { incarnation: 5 });
      const keys = await subject().enrol('pc2');
      const raw = await subject().knock(keys);

      await raw.sayHello('pc2', keys, { incarnation: 4 });

      await ended(subject, 'hello outdated');
      expect(subject().bound).toHaveLength(1);
    });

    test('a refused hello reaches the node with the reason', async () => {
      subject().judge = () => ({
        accept: false,
        error: { code: 'MESH_TERM_LOST', message: 'not yours' },
      });

      const { refusals } = await subject().dial('pc2', { wait: false });

      await until('the refusal arrives', () => refusals.length > 0);
      expect(refusals[0]).toMatchObject({ code: 'MESH_TERM_LOST', message: 'not yours' });
    });

    test('a key that was never accepted is told so', async () => {
      const { refusals } = await subject().dial('pc2', { wait: false, keys: mintKeyPair() });

      await until('the refusal arrives', () => refusals.length > 0);
      expect(refusals[0]).toMatchObject({ code: 'MESH_HELLO_REFUSED' });
    });

    test('a raised incarnation is said and bound without a new connection', async () => {
      const { uplink, welcomes } = await subject().dial('pc2');

      uplink.renew(2);

      await until('the new incarnation is bound', () => welcomes.length === 2);
      expect(subject().bound.map(({ incarnation }) => incarnation)).toEqual([1, 2]);
      expect(subject().closed).toEqual([]);
    });

    test('a protocol range without a common version is refused', async () => {
      const keys = await subject().enrol('pc2');
      const raw = await subject().knock(keys);
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

      await ended(subject, 'hello refused');
      expect(subject().bound).toEqual([]);
    });
  });
}
