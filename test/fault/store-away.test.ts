/** What goes on and what is refused while Redis is away. */
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  diaryAgent,
  openMeshApi,
  startRealMesh,
  until,
  watch,
  watchProcesses,
  type MeshApi,
  type RealMesh,
} from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

/** How soon everything works again after Redis is back (P4), ms. */
const backWithinMs = 3_000;
/** A server that says nothing is noticed by a command that gets no answer for 2 s. */
const noticedWithinMs = 4_000;

let mesh: RealMesh;
let api: MeshApi;
const diary = (name: string): string => join(mesh.work, `${name}.diary`);
const on = (node: string, name: string) => ({ ...diaryAgent(diary(name)), placement: { node } });

beforeAll(async () => {
  mesh = await startRealMesh({ nodes: [{ name: 'main-pc' }, { name: 'pc2' }] });
  api = await openMeshApi(mesh.dir);
  await mesh.apply({
    fleet: 'lab',
    agents: { near: on('main-pc', 'near'), far: on('pc2', 'far'), spare: on('pc2', 'spare') },
  });
  await mesh.untilReady({ agents: 3 });
}, 90_000);
afterAll(async () => {
  await api?.stop();
  await mesh?.stop();
}, 60_000);

async function pidsNow(): Promise<Record<string, number>> {
  const { agents } = await api.status();
  return Object.fromEntries(agents.map(({ name, pid }) => [name, pid ?? Number.NaN]));
}

const untilStore = (state: 'up' | 'down', withinMs: number): Promise<unknown> =>
  until(
    `the store is ${state}`,
    async () => (await api.status().catch(() => undefined))?.mesh.store.state === state,
    { withinMs },
  );

/** What must hold for as long as Redis is away: everything can be read, and what is read is of now. */
const watchReads = () =>
  watch(200, async () => {
    const status = await api.status();
    return [
      ...status.nodes
        .filter(({ state }) => state !== 'alive')
        .map(({ name, state }) => `${name} is ${state}`),
      ...status.agents.filter(({ isStale }) => isStale).map(({ name }) => `${name} is stale`),
    ];
  });

/** Every change is refused by name and nothing of it happens; everything else works. */
async function expectOnlyChangesRefused(): Promise<void> {
  const { revision } = (await api.status()).mesh;
  const more = { fleet: 'more', agents: { more: on('pc2', 'more') } };
  await writeFile(join(mesh.work, 'more.json'), JSON.stringify(more));
  for (const args of [
    ['agent', 'stop', 'far'],
    ['agent', 'restart', 'near'],
    ['remove', 'lab'],
    ['apply', 'more.json'],
  ]) {
    const refused = await mesh.mesh(...args);
    expect(refused.stderr).toContain('MESH_STORE_UNAVAILABLE');
    expect(refused.code).toBe(4);
  }
  const status = await mesh.mesh('status');
  expect(status.code).toBe(0);
  expect(status.stdout).toContain('near');
  expect((await mesh.mesh('agent', 'list')).code).toBe(0);
  expect(await api.call('far', 'note', { id: 'while-away' }, 2_000)).toMatchObject({
    status: 'answered',
  });
  expect((await api.status()).mesh.revision).toBe(revision);
}

/** Puts a file where Redis has its data, until the answered function or the end of the test. */
async function keepRedisFromStarting(): Promise<() => Promise<void>> {
  const data = join(mesh.dir, 'main-node', 'redis', 'data');
  const giveBack = async (): Promise<void> => {
    if (existsSync(`${data}.away`)) await rm(data);
    await rename(`${data}.away`, data);
  };
  await rename(data, `${data}.away`);
  await writeFile(data, '');
  onTestFinished(() => giveBack().catch(() => {}));
  return giveBack;
}

describe('Redis that hangs', () => {
  it('stops no agent: reads come from memory, changes are refused, and both work once it goes on', async () => {
    const pids = await pidsNow();
    const processes = watchProcesses([pids['near'] ?? Number.NaN, pids['far'] ?? Number.NaN]);
    const redis = await mesh.pidOf('redis');

    process.kill(redis, 'SIGSTOP');
    await untilStore('down', noticedWithinMs);
    const reads = watchReads();
    await expectOnlyChangesRefused();
    expect(await reads.end()).toEqual([]);
    process.kill(redis, 'SIGCONT');
    await untilStore('up', backWithinMs);

    expect((await mesh.mesh('agent', 'stop', 'spare')).code).toBe(0);
    expect((await mesh.mesh('agent', 'start', 'spare')).code).toBe(0);
    await mesh.untilReady({ agents: 3 });
    expect(await processes.end()).toEqual([]);
    expect(await mesh.pidOf('redis')).toBe(redis);
  });
});

describe('Redis that was killed and cannot start again', () => {
  it('stops no agent, is told by name, and comes back by itself once it can', async () => {
    const pids = await pidsNow();
    const processes = watchProcesses(Object.values(pids));
    const killed = await mesh.untilBack('redis');

    const giveBack = await keepRedisFromStarting();
    process.kill(killed, 'SIGKILL');
    await untilStore('down', backWithinMs);
    const reads = watchReads();
    await expectOnlyChangesRefused();
    const events = await mesh.mesh('events');
    expect(events.code).toBe(4);
    const health = await api.ask('GET', '/health/ready');
    expect(health.status).toBe(503);
    expect(await reads.end()).toEqual([]);

    await giveBack();
    await untilStore('up', 15_000);
    expect((await mesh.mesh('agent', 'restart', 'spare')).code).toBe(0);
    await until('it has a new process', async () => (await pidsNow())['spare'] !== pids['spare']);
    await mesh.untilReady({ agents: 3 });
    expect((await processes.end()).filter((line) => !line.includes(`${pids['spare']}`))).toEqual(
      [],
    );
  });

  it('keeps a main node that starts meanwhile from starting, never an agent from running', async () => {
    const pids = await pidsNow();
    const processes = watchProcesses(Object.values(pids));
    const [redis, main] = [await mesh.untilBack('redis'), await mesh.untilBack('main-node')];

    const giveBack = await keepRedisFromStarting();
    process.kill(redis, 'SIGKILL');
    process.kill(main, 'SIGKILL');
    const ends = (): number => mesh.upOutput().split('main node ended').length - 1;
    const before = ends();
    await until(
      'the main node was started again, and ended for want of Redis',
      () => ends() >= before + 2,
      {
        withinMs: 15_000,
      },
    );
    const unreachable = await until('mesh status says that nobody answers', async () => {
      const answer = await mesh.mesh('status');
      return answer.code === 4 && answer;
    });
    expect(unreachable.stderr).toContain('MESH_UNREACHABLE');
    for (const pid of Object.values(pids)) expect(isAlive(pid)).toBe(true);
    await giveBack();
    await mesh.untilBack('main-node', main);
    const after = await mesh.untilReady({ agents: 3 });

    expect(await processes.end()).toEqual([]);
    expect(Object.fromEntries([...after.values()].map(({ name, pid }) => [name, pid]))).toEqual(
      pids,
    );
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
