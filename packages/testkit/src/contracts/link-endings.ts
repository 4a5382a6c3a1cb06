import { Welcome } from '@meshwork/shared';
import { describe, expect, test } from 'vitest';
import { until } from '../until.ts';
import { Echo, Fact, pc2, ended } from './link-kinds.ts';
import { type LinkWorld } from './link-world.ts';

/** How connections end: closed, stopped, revoked. */
export function describeEndings(subject: () => LinkWorld): void {
  describe('connections that end', () => {
    test('a closed connection is told within a second though nothing else is sent', async () => {
      const { uplink } = await subject().dial('pc2');
      await uplink.stop(AbortSignal.abort());

      const startMs = performance.now();
      await until('the hub tells', () => subject().closed.length === 1);

      expect(performance.now() - startMs).toBeLessThan(1_000);
      expect(subject().hub.isBound(pc2)).toBe(false);
    });

    test('a request under way when its connection closes is unknown at once', async () => {
      let isRunning = false;
      const { uplink } = await subject().dial('pc2', {
        handle: (u) =>
          u.onRequest(Echo, () => {
            isRunning = true;
            return new Promise(() => {});
          }),
      });
      const outcome = subject().hub.request(pc2, Echo, { text: '' }, { timeoutMs: 60_000 });
      await until('it runs', () => isRunning);

      await uplink.stop(AbortSignal.abort());

      expect(await outcome).toMatchObject({ status: 'unknown' });
    });

    test('what was queued when the uplink stops still arrives', async () => {
      const got: number[] = [];
      subject().hub.onMessage(Fact, (_, { n }) => got.push(n));
      const { uplink } = await subject().dial('pc2');

      uplink.send(Fact, { n: 1 });
      await uplink.stop(AbortSignal.timeout(1_000));

      await until('it arrives', () => got.length === 1);
    });

    test('a node that comes back is bound again and hears its welcome', async () => {
      const { uplink } = await subject().dial('pc2');
      await uplink.stop(AbortSignal.abort());
      await until('the hub tells', () => subject().closed.length === 1);

      const again = await subject().dial('pc2', { incarnation: 2 });

      expect(again.welcomes).toHaveLength(1);
      expect(subject().hub.isBound(pc2)).toBe(true);
    });

    test('the next address is tried when one does not answer', async () => {
      const { welcomes } = await subject().dial('pc2', {
        addresses: ['127.0.0.1:1', subject().address],
      });

      expect(welcomes).toHaveLength(1);
    });
  });

  describe('revoke', () => {
    test('the binding ends at once and what the peer still sends is discarded unread', async () => {
      const facts: number[] = [];
      subject().hub.onMessage(Fact, (_, { n }) => facts.push(n));
      const keys = await subject().enrol('pc2');
      const raw = await subject().knock(keys);
      await raw.sayHello('pc2', keys);
      const welcome = await until('it is welcomed', () =>
        raw.got.find(({ kind }) => kind === Welcome.kind),
      );
      const { session } = Welcome.body.parse(welcome.body);

      await subject().revoke('pc2');
      await raw.sayMessage({ kind: Fact.kind, body: { n: 1 } }, session);

      expect(subject().hub.isBound(pc2)).toBe(false);
      await ended(subject, 'dropped revoked');
      expect(facts).toEqual([]);
      expect(subject().counts['rebound']).toBeUndefined();
    });

    test('a peer that goes on sending is cut, and the others are back by themselves', async () => {
      const other = await subject().dial('pc3');
      const keys = await subject().enrol('pc2');
      const raw = await subject().knock(keys);
      await raw.sayHello('pc2', keys);
      await until('it is bound', () => subject().hub.isBound(pc2));

      await subject().revoke('pc2');
      const startMs = performance.now();
      await until('its connection is cut', async () => {
        await raw.sayMessage({ kind: Fact.kind, body: { n: 1 } });
        return raw.isClosed;
      });
      const tookMs = performance.now() - startMs;
      await until('the other one is bound again', () => other.welcomes.length === 2);

      expect(tookMs).toBeLessThan(1_000);
      expect(subject().counts['rebound']).toBe(1);
      expect(subject().closed).toEqual([]);
    });

    test('a revoked node hears so, leaves by itself and costs nobody a connection', async () => {
      const other = await subject().dial('pc3');
      const revoked = await subject().dial('pc2');

      await subject().revoke('pc2');

      await until('it hears so', () => revoked.refusals.length > 0, { withinMs: 1_000 });
      expect(revoked.uplink.isBound).toBe(false);
      await until('its next attempt is refused too', () => revoked.refusals.length > 1);
      expect(subject().counts['rebound']).toBeUndefined();
      expect(other.lost).toBe(0);
    });

    test('a node accepted again is bound again', async () => {
      const keys = await subject().enrol('pc2');
      const { welcomes } = await subject().dial('pc2', { keys });
      await subject().revoke('pc2');

      await subject().enrol('pc2');

      await until('bound again', () => welcomes.length === 2, { withinMs: 15_000 });
    });
  });
}
