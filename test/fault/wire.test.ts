import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import {
  createHub,
  createLogger,
  createMetrics,
  createSystemClock,
  createSystemRandom,
  createWireMetrics,
  createZmqTransport,
  mintKeyPair,
} from '@meshwork/platform';
import { MeshId, NodeName, PublicKey, type Hub, type RequestOutcome } from '@meshwork/shared';
import { pickForRun, until } from '@meshwork/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Act } from './wire/kinds.ts';

const STOPPED_MS = pickForRun({ short: 4_000, long: 10_000 });
const never = new AbortController().signal;

interface NodeProcess {
  readonly name: NodeName;
  readonly child: ChildProcess;
  /** Ids of what it executed, in order. */
  readonly acts: string[];
}

let hub: Hub;
let nodes: NodeProcess[];
let closed: { name: string; atMs: number }[];

beforeEach(async () => {
  const keys = mintKeyPair();
  const named = ['pc2', 'pc3'].map((name) => ({ name: NodeName.parse(name), keys: mintKeyPair() }));
  closed = [];
  hub = createHub(
    {
      transport: createZmqTransport(),
      clock: createSystemClock(),
      random: createSystemRandom(),
      logger: createLogger({ name: 'hub', level: 'silent' }),
      metrics: createWireMetrics(createMetrics({ processMetrics: false })),
      events: {
        onHello: () => ({
          accept: true,
          welcome: { mesh: MeshId.parse('0'.repeat(32)), term: 1, calledDead: false },
        }),
        onClosed: ({ name }) => closed.push({ name, atMs: performance.now() }),
      },
    },
    {
      hosts: ['127.0.0.1'],
      port: 0,
      keys,
      admitted: new Map(named.map((node) => [PublicKey.parse(node.keys.publicKey), node.name])),
    },
  );
  await hub.start(never);
  nodes = named.map((node) => {
    const args = { ...node, address: `127.0.0.1:${hub.port}`, serverKey: keys.publicKey };
    const child = fork(join(import.meta.dirname, 'wire/node-process.ts'), [JSON.stringify(args)]);
    const acts: string[] = [];
    child.on('message', (id: string) => acts.push(id));
    return { name: node.name, child, acts };
  });
  await until('both are bound', () => nodes.every(({ name }) => hub.isBound(name)), {
    withinMs: 20_000,
  });
});

afterEach(async () => {
  for (const { child } of nodes) child.kill('SIGKILL');
  await hub.stop(AbortSignal.timeout(1_000));
});

const act = (node: NodeProcess, id: string, options: { timeoutMs: number; ballast?: string }) =>
  hub.request(
    node.name,
    Act,
    { id, ballast: options.ballast ?? '' },
    { timeoutMs: options.timeoutMs },
  );

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a node that was stopped executes nothing that it got meanwhile and whose time is over', async () => {
  const [node] = nodes;
  if (node === undefined) throw new Error('no node');
  node.child.kill('SIGSTOP');
  const stale = Array.from({ length: 200 }, (_, n) => act(node, `stale-${n}`, { timeoutMs: 500 }));
  const ended = Promise.all(stale);
  // How long it is stopped is what the promise is about; nothing announces it.
  await pause(STOPPED_MS);

  node.child.kill('SIGCONT');
  const fresh = await until(
    'it acts again',
    async () => {
      const outcome = await act(node, 'fresh', { timeoutMs: 2_000 });
      return outcome.status === 'answered' && outcome;
    },
    { withinMs: 10_000 },
  );

  expect(fresh.answer).toEqual({ id: 'fresh' });
  expect((await ended).map(({ status }) => status)).not.toContain('answered');
  expect(node.acts.filter((id) => id.startsWith('stale'))).toEqual([]);
  expect(closed).toEqual([]);
});

test('a stopped node whose queue is full delays no other, and is refused loudly', async () => {
  const [stuck, other] = nodes;
  if (stuck === undefined || other === undefined) throw new Error('no nodes');
  stuck.child.kill('SIGSTOP');
  const ballast = 'x'.repeat(256_000);
  const filled: RequestOutcome<unknown>[] = [];
  const tookMs: number[] = [];
  const filling: Promise<unknown>[] = [];

  // Past what the kernel, ZeroMQ and the queue hold together.
  for (let n = 0; n < 400; n += 1) {
    filling.push(act(stuck, `s-${n}`, { timeoutMs: 3_000, ballast }).then((o) => filled.push(o)));
    if (n % 10 !== 0) continue;
    const startMs = performance.now();
    const outcome = await act(other, `o-${n}`, { timeoutMs: 2_000 });
    tookMs.push(performance.now() - startMs);
    expect(outcome.status).toBe('answered');
  }
  await Promise.all(filling);

  expect(Math.max(...tookMs)).toBeLessThan(500);
  const refusals = filled.filter(({ status }) => status === 'refused');
  expect(refusals.length).toBeGreaterThan(0);
  for (const refusal of refusals) expect(refusal).toMatchObject({ error: { code: 'MESH_BUSY' } });
  expect(filled.map(({ status }) => status)).toContain('expired');
  expect(filled.map(({ status }) => status)).not.toContain('answered');
});

test('a killed node is told closed within a second, and a request it had is unknown at once', async () => {
  const [node] = nodes;
  if (node === undefined) throw new Error('no node');
  node.child.kill('SIGSTOP');
  const outcome = act(node, 'lost', { timeoutMs: 60_000 });
  // It leaves our queue in this turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));

  const killedMs = performance.now();
  node.child.kill('SIGKILL');

  expect(await outcome).toMatchObject({ status: 'unknown' });
  expect(closed.map(({ name }) => name)).toEqual(['pc2']);
  expect((closed[0]?.atMs ?? 0) - killedMs).toBeLessThan(1_000);
  expect(hub.isBound(node.name)).toBe(false);
});
