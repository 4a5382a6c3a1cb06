import {
  Incarnation,
  MeshId,
  NodeName,
  PublicKey,
  defineMessage,
  defineRequest,
  type Logger,
} from '@meshwork/shared';
import { createFakeClock, createMemoryNetwork } from '@meshwork/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import { createHub } from '../../../src/wire/hub.ts';
import { mintKeyPair } from '../../../src/wire/keys.ts';
import { createUplink } from '../../../src/wire/uplink.ts';
import { createUncounted } from './uncounted.ts';

const Act = defineRequest('test.act', 1, {
  ask: z.object({ n: z.number() }),
  answer: z.object({ n: z.number() }),
});
const State = defineMessage('test.state', 1, z.object({ revision: z.number() }));
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const never = new AbortController().signal;
const pc2 = NodeName.parse('pc2');

/** A hub and an uplink on a network whose time and faults are the test's. */
async function createWorld() {
  const clock = createFakeClock();
  let seed = 1;
  /** The same faults at every run. */
  const next = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const network = createMemoryNetwork({ clock, random: { next } });
  const random = createSystemRandom();
  const metrics = createUncounted();
  const server = mintKeyPair();
  const keys = mintKeyPair();
  const closed: string[] = [];
  const acts: number[] = [];
  const hub = createHub(
    {
      transport: network.transport('main'),
      clock,
      random,
      logger: silent,
      metrics,
      events: {
        onHello: () => ({
          accept: true,
          welcome: { mesh: MeshId.parse('0'.repeat(32)), term: 1, calledDead: false },
        }),
        onClosed: ({ name }) => closed.push(name),
      },
    },
    {
      hosts: ['127.0.0.1'],
      port: 0,
      keys: server,
      admitted: new Map([[PublicKey.parse(keys.publicKey), pc2]]),
    },
  );
  await hub.start(never);
  const uplink = createUplink(
    {
      transport: network.transport('pc2'),
      clock,
      random,
      logger: silent,
      metrics,
      events: { onWelcome() {}, onRefused() {}, onLost() {} },
    },
    {
      addresses: [`127.0.0.1:${hub.port}`],
      keys,
      serverKey: server.publicKey,
      node: pc2,
      role: 'node',
      incarnation: Incarnation.parse(1),
      release: 'test',
      about: () => ({}),
    },
  );
  uplink.onRequest(Act, (_, body) => {
    acts.push(body.n);
    return body;
  });
  await uplink.start(never);
  onTestFinished(async () => {
    const stopping = Promise.all([uplink.stop(AbortSignal.abort()), hub.stop(AbortSignal.abort())]);
    await clock.advance(1_000);
    await stopping;
  });
  await clock.advance(1_000);
  expect(uplink.isBound).toBe(true);
  const act = (n: number, timeoutMs: number) => hub.request(pc2, Act, { n }, { timeoutMs });
  return { clock, network, hub, uplink, closed, acts, act };
}

test('a node that was stopped executes nothing whose time is over when it goes on', async () => {
  const { clock, network, acts, act } = await createWorld();
  network.freeze('pc2');
  const short = act(1, 500);
  const long = act(2, 60_000);
  await clock.advance(1_200);

  network.thaw('pc2');
  await clock.advance(100);

  expect(await short).toMatchObject({ status: 'unknown' });
  expect(await long).toMatchObject({ status: 'answered' });
  expect(acts).toEqual([2]);
});

test('every request ends by its deadline, acts at most once, and is answered only if it acted', async () => {
  const { clock, network, acts, act } = await createWorld();
  network.setFaults({
    dropRatio: 0.2,
    duplicateRatio: 0.3,
    delayMs: 5,
    jitterMs: 200,
    reorders: true,
  });
  const ended: { n: number; status: string; tookMs: number }[] = [];

  for (let n = 0; n < 500; n += 1) {
    const sentMs = clock.monotonic();
    void act(n, 300).then(({ status }) =>
      ended.push({ n, status, tookMs: clock.monotonic() - sentMs }),
    );
    await clock.advance(7);
  }
  await clock.advance(1_000);

  expect(ended).toHaveLength(500);
  expect(Math.max(...ended.map(({ tookMs }) => tookMs))).toBeLessThanOrEqual(310);
  expect(new Set(acts).size).toBe(acts.length);
  const acted = new Set(acts);
  for (const { n, status } of ended) if (status === 'answered') expect(acted.has(n)).toBe(true);
  for (const { n, status } of ended) if (status === 'expired') expect(acted.has(n)).toBe(false);
  expect(ended.filter(({ status }) => status === 'answered').length).toBeGreaterThan(100);
});

test('the last state sent arrives, whatever was lost and repeated before', async () => {
  const { clock, network, hub, uplink } = await createWorld();
  const seen: number[] = [];
  uplink.onMessage(State, (_, { revision }) => seen.push(revision));
  network.setFaults({ dropRatio: 0.5, duplicateRatio: 0.5, jitterMs: 100, reorders: true });
  for (let revision = 1; revision <= 50; revision += 1) {
    hub.sendLatest(pc2, State, { revision });
    await clock.advance(10);
  }

  network.setFaults({});
  await clock.advance(200);
  hub.sendLatest(pc2, State, { revision: 51 });
  await clock.advance(200);

  expect(seen.at(-1)).toBe(51);
  expect(seen.length).toBeGreaterThan(5);
});

test('a node behind a partition is back within 3 s of its healing', async () => {
  const { clock, network, uplink, act } = await createWorld();
  for (const lengthMs of [5_000, 60_000, 120_000]) {
    network.partition('main', 'pc2');
    await clock.advance(lengthMs);
    expect(uplink.isBound).toBe(false);

    network.heal();
    await clock.advance(3_000);

    expect(uplink.isBound).toBe(true);
    const outcome = act(1, 1_000);
    await clock.advance(1_000);
    expect(await outcome).toMatchObject({ status: 'answered' });
  }
});

test('a node that only was silent is not called closed', async () => {
  const { clock, network, closed } = await createWorld();
  network.freeze('pc2');
  await clock.advance(9_000);
  const whileSilent = [...closed];

  network.thaw('pc2');
  network.closeConnections('pc2');
  await clock.advance(700);

  expect(whileSilent).toEqual([]);
});
