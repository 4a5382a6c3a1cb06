/** libzmq ends the whole process when it meets certain broken connections; ours must not get there. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@meshwork/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mintKeyPair } from '../../../src/wire/keys.ts';
import { linkTiming } from '../../../src/wire/zmq-options.ts';
import { createZmqTransport } from '../../../src/wire/zmq-transport.ts';

const program = fileURLToPath(new URL('../../fixtures/wire-peer.ts', import.meta.url));
const server = mintKeyPair();
const client = mintKeyPair();

let dir: string;
const endings: (() => void)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mesh-wire-'));
  await writeFile(join(dir, 'keys.json'), JSON.stringify({ server, client }));
});
afterEach(async () => {
  for (const end of endings.splice(0)) end();
  await rm(dir, { recursive: true });
});

interface Peer {
  /** Its first line, or how it ended before. */
  readonly said: Promise<string>;
  readonly child: ChildProcess;
}

function start(role: string, ...args: readonly string[]): Peer {
  const argv = ['--disable-warning=ExperimentalWarning', program, role, join(dir, 'keys.json')];
  const child = spawn(process.execPath, [...argv, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
  endings.push(() => child.kill('SIGKILL'));
  const said = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
    child.once('exit', (code, signal) => resolve(`ended: ${code ?? signal}`));
  });
  return { said, child };
}

async function dial(endpoint: string, onFrames: () => void) {
  const open = Promise.withResolvers<void>();
  const dealer = createZmqTransport().dial({
    endpoint,
    keys: client,
    serverKey: server.publicKey,
    routingId: Buffer.from('same'),
    maxMessageBytes: 65_536,
    onOpen: open.resolve,
    onFrames,
    onClosed: () => {},
  });
  endings.push(() => dealer.close());
  await open.promise;
  return dealer;
}

it('the side that binds outlives a connection that was replaced while it sent, and then broke', async () => {
  const bound = start('bind');
  const endpoint = await bound.said;
  const flood = Buffer.alloc(30_000, 1);
  let echoes = 0;
  const first = await dial(endpoint, () => {});
  const flooding = setInterval(() => {
    for (let count = 0; count < 20; count += 1) void first.send(flood);
  }, 5);
  const second = await dial(endpoint, () => (echoes += 1));
  await until('the second connection has the routing id', async () => {
    await second.send(Buffer.from('ask'));
    return echoes > 0;
  });
  const replacedAtMs = performance.now();
  await until(
    'more was sent over the first one than is read',
    () => performance.now() - replacedAtMs > 200,
  );

  clearInterval(flooding);
  first.close();

  const brokenAtMs = performance.now();
  await until('it answered for four heartbeats', async () => {
    expect(bound.child.exitCode ?? bound.child.signalCode).toBeNull();
    const before = echoes;
    await second.send(Buffer.from('ask'));
    await until('it answers', () => echoes > before);
    return performance.now() - brokenAtMs > 4 * linkTiming.heartbeatMs;
  });
});

it('the side that dials outlives a flood from a peer that is killed while its own loop is busy', async () => {
  const endpoint = await start('flood').said;

  expect(await start('busy', endpoint).said).toBe('lives');
});
