import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ErrorBody } from '@meshwork/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireLock, readLock } from '../../../src/base/directory-lock.ts';
import { createSystemClock } from '../../../src/base/system-clock.ts';

const clock = createSystemClock();
const never = new AbortController().signal;
const fixture = fileURLToPath(new URL('../../fixtures/take-lock.ts', import.meta.url));

let dir: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mesh-lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await end(child);
  rmSync(dir, { recursive: true });
});

interface Contender {
  readonly child: ChildProcess;
  /** Lets it try once. */
  tryNow(): Promise<string>;
}

async function startContender(): Promise<Contender> {
  const child = spawn(process.execPath, [fixture, dir, 'main-node'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Twenty of them share what the first one compiled.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'compiled') },
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[
    Symbol.asyncIterator
  ]();
  await lines.next();
  return {
    child,
    async tryNow() {
      child.stdin?.write('\n');
      return String((await lines.next()).value);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('of 20 racing processes exactly one takes the lock, again after each kill -9 of the holder', async () => {
  let contenders = await Promise.all(Array.from({ length: 20 }, startContender));

  for (let round = 0; round < 8; round += 1) {
    const answers = await Promise.all(contenders.map((contender) => contender.tryNow()));
    const winners = contenders.filter((_, n) => answers[n] === 'held');
    const [winner] = winners;
    const losers = answers
      .filter((answer) => answer !== 'held')
      .map((answer) => JSON.parse(answer) as ErrorBody);

    expect(winners).toHaveLength(1);
    for (const loser of losers) {
      expect(loser).toMatchObject({ code: 'MESH_LOCK_HELD', details: { pid: winner?.child.pid } });
    }
    expect(readLock(dir)?.process.pid).toBe(winner?.child.pid);

    if (winner) await end(winner.child);
    expect(readLock(dir)).toBeUndefined();
    contenders = contenders.filter((contender) => contender !== winner);
  }
});

test('a second daemon is refused with the pid of the first and since when', async () => {
  const startedMs = clock.now();
  const lock = await acquireLock(dir, { daemon: 'worker-node', clock, signal: never });
  const contender = await startContender();
  // Reading in the holder's own process must not drop the lock, as closing a descriptor of its file would.
  expect(readLock(dir)?.process.pid).toBe(process.pid);

  const answer = JSON.parse(await contender.tryNow()) as ErrorBody;

  expect(answer).toMatchObject({
    code: 'MESH_LOCK_HELD',
    details: { daemon: 'worker-node', pid: process.pid },
  });
  expect(Date.parse(String(answer.details?.['since']))).toBeGreaterThanOrEqual(
    Math.floor(startedMs),
  );
  await lock.release();
});

test('the record of a dead holder whose pid was given to another process is taken over', async () => {
  // The pid is alive (it is ours) but the process started at another time: it is not the one that wrote this.
  const process_ = { pid: process.pid, bootId: 'another-boot', startTime: '1', pidNamespace: '' };
  writeFileSync(join(dir, 'lock'), '');
  writeFileSync(
    join(dir, 'lock.json'),
    JSON.stringify({ daemon: 'main-node', process: process_, sinceMs: 0, endpoints: {} }),
  );
  expect(readLock(dir)).toBeUndefined();

  const lock = await acquireLock(dir, { daemon: 'main-node', clock, signal: never });

  expect(readLock(dir)?.process.bootId).not.toBe('another-boot');
  await lock.release();
});

test('tells others where the holder can be reached, until it is released', async () => {
  const lock = await acquireLock(dir, { daemon: 'main-node', clock, signal: never });

  await lock.publish({ http: { host: '127.0.0.1', port: 8081 }, control: { port: 5550 } });
  const told = readLock(dir);
  await lock.release();

  expect(told).toMatchObject({
    daemon: 'main-node',
    endpoints: { http: { host: '127.0.0.1', port: 8081 }, control: { port: 5550 } },
  });
  expect(readLock(dir)).toBeUndefined();
  const next = await acquireLock(dir, { daemon: 'main-node', clock, signal: never });
  await next.release();
});

test('reading the lock over and over does not keep a daemon from taking it', async () => {
  const taken = acquireLock(dir, { daemon: 'main-node', clock, signal: never });
  for (let n = 0; n < 200; n += 1) readLock(dir);

  await expect(taken.then((lock) => lock.release())).resolves.toBeUndefined();
});
