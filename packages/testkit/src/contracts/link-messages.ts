import { MeshError, defineMessage, defineRequest } from '@meshwork/shared';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { until } from '../until.ts';
import { Echo, Fact, pc2 } from './link-kinds.ts';
import { type LinkWorld } from './link-world.ts';

/** What is sent, and how it arrives. */
export function describeMessages(subject: () => LinkWorld): void {
  describe('messages and requests', () => {
    test('messages arrive in order with their sender from the binding', async () => {
      const got: string[] = [];
      subject().hub.onMessage(Fact, (from, { n }) => got.push(`${from.name} ${n}`));
      const { uplink } = await subject().dial('pc2');

      for (let n = 0; n < 1_000; n += 1) expect(uplink.send(Fact, { n })).toBe('queued');

      await until('all arrive', () => got.length === 1_000);
      expect(got).toEqual(Array.from({ length: 1_000 }, (_, n) => `pc2 ${n}`));
    });

    test('messages of one turn leave as few frames', async () => {
      const got: number[] = [];
      const { uplink } = await subject().dial('pc2', {
        handle: (u) => u.onMessage(Fact, (_, { n }) => got.push(n)),
      });
      await uplink.request(Echo, { text: 'settle' }, { timeoutMs: 2_000 });
      const before = subject().counts['frames'] ?? 0;

      for (let n = 0; n < 500; n += 1) subject().hub.send(pc2, Fact, { n });

      await until('all arrive', () => got.length === 500);
      expect((subject().counts['frames'] ?? 0) - before).toBeLessThan(10);
    });

    test('requests are answered both ways, many at a time', async () => {
      subject().hub.onRequest(Echo, async (from, { text }) => ({ text: `${from.name}: ${text}` }));
      const { uplink } = await subject().dial('pc2', {
        handle: (u) => u.onRequest(Echo, (_, { text }) => ({ text })),
      });

      const up = Array.from({ length: 200 }, (_, n) =>
        uplink.request(Echo, { text: `u${n}` }, { timeoutMs: 5_000 }),
      );
      const down = Array.from({ length: 200 }, (_, n) =>
        subject().hub.request(pc2, Echo, { text: `d${n}` }, { timeoutMs: 5_000 }),
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
      const { uplink } = await subject().dial('pc2', {
        handle: (u) => u.onRequest(Echo, (_, { text }) => ({ text })),
      });
      const ask = (length: number) =>
        subject().hub.request(pc2, Echo, { text: 'x'.repeat(length) }, { timeoutMs: 5_000 });

      expect(await ask(1_048_000)).toMatchObject({ status: 'answered' });
      expect(await ask(1_048_577)).toMatchObject({
        status: 'refused',
        error: { code: 'MESH_TOO_LARGE' },
      });
      expect(uplink.send(Fact, { n: 1, text: 'x'.repeat(1_100_000) })).toBe('tooLarge');
    });

    test('an answer that is too large becomes an error, not silence', async () => {
      await subject().dial('pc2', {
        handle: (u) => u.onRequest(Echo, () => ({ text: 'x'.repeat(1_100_000) })),
      });

      const outcome = await subject().hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000 });

      expect(outcome).toMatchObject({ status: 'refused', error: { code: 'MESH_TOO_LARGE' } });
    });

    test('an unknown kind is counted and answered', async () => {
      await subject().dial('pc2');

      const outcome = await subject().hub.request(pc2, Echo, { text: '' }, { timeoutMs: 5_000 });

      expect(outcome).toMatchObject({ status: 'refused', error: { code: 'MESH_KIND_UNKNOWN' } });
      expect(subject().counts['dropped unknownKind']).toBe(1);
    });

    test('a body that does not fit its schema is answered with the problems', async () => {
      subject().hub.onRequest(Echo, (_, body) => body);
      const { uplink } = await subject().dial('pc2');
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
      subject().hub.onMessage(Fact, (_, body) => got.push(body));
      const { uplink } = await subject().dial('pc2');
      const Newer = defineMessage('test.fact', 1, z.object({ n: z.number(), added: z.string() }));

      uplink.send(Newer, { n: 1, added: 'later' });

      await until('it arrives', () => got.length === 1);
      expect(got).toEqual([{ n: 1 }]);
    });

    test('a handler that throws answers a refusal with its code; one with a bug leaves the outcome unknown', async () => {
      const { uplink } = await subject().dial('pc2');
      subject().hub.onRequest(Echo, (_, { text }) => {
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
      subject().hub.onMessage(Fact, (_, { n }) => {
        if (n === 1) throw new Error('oops');
        got.push(n);
      });
      const { uplink } = await subject().dial('pc2');

      for (const n of [1, 2]) uplink.send(Fact, { n });

      await until('the second arrives', () => got.length === 1);
      expect(subject().counts['dropped handlerFailed']).toBe(1);
    });
  });
}
