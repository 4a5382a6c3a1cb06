import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  createHub,
  createMetrics,
  createSystemClock,
  createSystemRandom,
  createWireMetrics,
  createZmqTransport,
  mintKeyPair,
} from '@meshwork/platform';
import {
  MeshId,
  NodeHeartbeat,
  NodeName,
  PublicKey,
  Term,
  type Hub,
  type Logger,
  type Peer,
} from '@meshwork/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';

const never = new AbortController().signal;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

interface Arrival {
  readonly atMs: number;
  readonly peer: Peer;
  readonly heartbeat: NodeHeartbeat;
}

let folder: string;
let hub: Hub;
let daemon: ChildProcess;
let arrivals: Arrival[];
let lastWordsPath: string;
let hellos: Peer[];
const serverKeys = mintKeyPair();
const keys = mintKeyPair();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hb-'));
  lastWordsPath = join(folder, 'daemon.log');
  arrivals = [];
  hellos = [];
  hub = createHub(
    {
      transport: createZmqTransport(),
      clock: createSystemClock(),
      random: createSystemRandom(),
      logger: silent,
      metrics: createWireMetrics(createMetrics({ processMetrics: false })),
      events: {
        onHello(peer) {
          hellos.push(peer);
          return {
            accept: true,
            welcome: { mesh: MeshId.parse('0'.repeat(32)), term: Term.parse(1), calledDead: false },
          };
        },
        onClosed() {},
      },
    },
    {
      hosts: ['127.0.0.1'],
      port: 0,
      keys: serverKeys,
      admitted: new Map([[PublicKey.parse(keys.publicKey), NodeName.parse('pc2')]]),
    },
  );
  hub.onMessage(NodeHeartbeat, (peer, heartbeat) => {
    arrivals.push({ atMs: performance.now(), peer, heartbeat });
  });
  await hub.start(never);
});

afterEach(async () => {
  if (daemon.exitCode === null && daemon.signalCode === null) {
    const exited = once(daemon, 'exit');
    daemon.stdin?.end();
    await exited;
  }
  await hub.stop(never);
  await rm(folder, { recursive: true });
});

async function start(endAfterMs: number): Promise<void> {
  const options = {
    address: `127.0.0.1:${hub.port}`,
    serverKey: serverKeys.publicKey,
    keys,
    endAfterMs,
    lastWordsPath,
  };
  daemon = spawn(
    process.execPath,
    [join(import.meta.dirname, '../fixtures/heartbeat-daemon.ts'), JSON.stringify(options)],
    { stdio: ['pipe', 'inherit', 'inherit'] },
  );
  await arrived(2);
}

async function arrived(count: number): Promise<void> {
  await expect.poll(() => arrivals.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
}

test('heartbeats keep their pace while the daemon’s loop is busy for 3 s, and say so', async () => {
  await start(60_000);
  const before = arrivals.length;

  daemon.stdin?.write('busy 3000\n');
  await arrived(before + 9);

  const during = arrivals.slice(before - 1);
  const gapsMs = during.slice(1).map(({ atMs }, n) => atMs - (during[n]?.atMs ?? 0));
  const silentMs = Math.max(...during.map(({ heartbeat }) => heartbeat.loopSilentMs));
  expect(Math.max(...gapsMs)).toBeLessThanOrEqual(700);
  expect(silentMs).toBeGreaterThan(2300);
  expect(silentMs).toBeLessThan(3200);
  expect(Math.max(...during.map(({ heartbeat }) => heartbeat.loopLagMs))).toBeGreaterThan(2300);
  expect(arrivals.at(-1)?.heartbeat.loopSilentMs).toBeLessThan(700);
  expect(arrivals.map(({ heartbeat }) => heartbeat.sequence)).toEqual(
    arrivals.map((_, n) => n + (arrivals[0]?.heartbeat.sequence ?? 0)),
  );
});

test('a daemon whose loop is stuck is ended, with a last line in its log', async () => {
  await start(1500);
  const exited = once(daemon, 'exit');

  daemon.stdin?.write('busy 60000\n');
  const [, signal] = (await exited) as [number | null, string | null];

  expect(signal).toBe('SIGKILL');
  const line = JSON.parse(await readFile(lastWordsPath, 'utf8')) as Record<string, unknown>;
  expect(line).toMatchObject({ level: 'error', node: 'pc2' });
});

test('a process that was stopped for longer is not taken for a stuck one', async () => {
  await start(1500);
  daemon.kill('SIGSTOP');
  await expect
    .poll(() => performance.now() - (arrivals.at(-1)?.atMs ?? 0), { timeout: 10_000 })
    .toBeGreaterThan(3000);

  daemon.kill('SIGCONT');
  await arrived(arrivals.length + 3);

  expect(daemon.signalCode).toBeNull();
  expect(arrivals.at(-1)?.heartbeat.loopSilentMs).toBeLessThan(700);
});

test('a raised incarnation says hello again and is in every heartbeat from then on', async () => {
  await start(60_000);

  daemon.stdin?.write('renew 7\n');
  await expect.poll(() => hellos.at(-1)?.incarnation, { timeout: 10_000 }).toBe(7);
  await arrived(arrivals.length + 1);

  expect(arrivals.at(-1)).toMatchObject({
    peer: { name: 'pc2', role: 'heartbeat', incarnation: 7 },
    heartbeat: { incarnation: 7, instancesDigest: 'renewed' },
  });
});

test('stopping ends the thread and the process', async () => {
  await start(60_000);
  const exited = once(daemon, 'exit');

  daemon.stdin?.end();
  const [code] = (await exited) as [number | null];

  expect(code).toBe(0);
});
