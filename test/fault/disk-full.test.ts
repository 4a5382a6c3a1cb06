/** What a full disk under a daemon does, and what it does not. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readLock } from '@meshwork/platform';
import type { Status } from '@meshwork/shared';
import {
  diaryAgent,
  itNeeds,
  mountSmallDisk,
  openMeshApi,
  startRealMesh,
  until,
  watch,
  watchProcesses,
  type MeshApi,
  type RealMesh,
  type SmallDisk,
} from '@meshwork/testkit';
import { afterEach, expect } from 'vitest';

const MiB = 1_048_576;

let mesh: RealMesh;
let api: MeshApi | undefined;
let disk: SmallDisk | undefined;
const diary = (name: string): string => join(mesh.work, `${name}.diary`);
const on = (node: string, agent: object) => ({ ...agent, placement: { node } });

afterEach(async () => {
  await disk?.free();
  await api?.stop();
  await mesh?.stop();
}, 60_000);

/** A mesh of two nodes of which one folder is on a small disk. */
async function startMesh(folder: string, bytes: number): Promise<MeshApi> {
  mesh = await startRealMesh({
    nodes: [{ name: 'main-pc' }, { name: 'pc2' }],
    mainNode: { redis: { minFree: '16MiB', ballast: '8MiB' } },
    prepare: async (dir) => {
      disk = await mountSmallDisk(join(dir, folder), bytes);
      return disk.remove;
    },
  });
  api = await openMeshApi(mesh.dir);
  return api;
}

itNeeds(
  ['mount', 'python3'],
  'a full disk under a worker node ends no agent: output is cut and counted, calls and orders go on, also through a restart of the daemon',
  async () => {
    const seen = await startMesh('nodes/pc2', 20 * MiB);
    const loud = 'while :; do yes all work and no play | head -c 100000; sleep 0.05; done';
    await mesh.apply({
      fleet: 'lab',
      agents: {
        quiet: on('pc2', diaryAgent(diary('quiet'))),
        spare: on('pc2', diaryAgent(diary('spare'))),
        loud: on('pc2', { command: ['sh', '-c', loud] }),
      },
    });
    await mesh.untilReady({ agents: 3 });
    const pids = pidsIn(await seen.status());
    const processes = watchProcesses([...pids.values()]);
    const attached = watch(100, async () =>
      (await seen.status()).agents
        .filter(({ state, isStale }) => state !== 'ready' || isStale)
        .map(({ name, state }) => `${name} is ${state}`),
    );

    // Of one agent 8 MiB of output are kept; somebody else takes the rest of the disk before it comes to that.
    await until('output takes space', () => (disk?.freeBytes() ?? Infinity) < 17 * MiB);
    disk?.fill();
    await until('the node says that its disk is full', async () =>
      (await nodeHealth()).includes('full'),
    );
    const called = await seen.call('quiet', 'note', { id: 'full' }, 2_000);
    expect(called).toMatchObject({ status: 'answered' });
    expect(await attached.end()).toEqual([]);

    const killed = await mesh.pidOf('pc2');
    process.kill(killed, 'SIGKILL');
    await mesh.untilBack('pc2', killed);
    await mesh.untilReady({ agents: 3, withinMs: 5_000 });
    expect(pidsIn(await seen.status())).toEqual(pids);
    expect(await processes.end()).toEqual([]);
    for (const act of ['restart', 'stop', 'start']) {
      expect((await mesh.mesh('agent', act, 'spare')).code).toBe(0);
      const wanted = act === 'stop' ? 'stopped' : 'ready';
      await untilSpare(wanted);
    }

    await disk?.free();
    await until('what was dropped is said where it is missing', async () =>
      /lines \(\d+ bytes\) of output were dropped/.test(await outputOf('loud')),
    );
    await until(
      'the node says that there is space',
      async () => !(await nodeHealth()).includes('full'),
    );
    // 8 MiB of the loud one and its next piece, a piece of each other, and the reserve.
    expect(disk?.freeBytes()).toBeGreaterThan(20 * MiB - 12 * MiB);
  },
);

itNeeds(
  ['mount', 'python3'],
  'a full disk under the main node refuses changes by name, starts Redis not into it, stops nothing, and is over when space is freed',
  async () => {
    const seen = await startMesh('main-node', 96 * MiB);
    await mesh.apply({
      fleet: 'lab',
      agents: {
        quiet: on('pc2', diaryAgent(diary('quiet'))),
        spare: on('pc2', diaryAgent(diary('spare'))),
      },
    });
    await mesh.untilReady({ agents: 2 });
    const pids = pidsIn(await seen.status());
    const processes = watchProcesses([...pids.values()]);

    disk?.fill();
    await until('changes are refused', async () => {
      const refused = await mesh.mesh('agent', 'stop', 'spare');
      return refused.code === 1 && refused.stderr.includes('MESH_STORE_DISK_FULL');
    });
    // The ballast was given up by now; somebody takes that, too.
    disk?.fill();
    expect((await seen.status()).mesh.store.state).toBe('up');
    const redis = await mesh.pidOf('redis');
    process.kill(redis, 'SIGKILL');
    await until('the store is away', async () => (await seen.status()).mesh.store.state === 'down');
    const notStarted = watch(50, async () =>
      (await mesh.pidOf('redis').catch(() => undefined)) === undefined
        ? []
        : ['Redis was started into a full disk'],
    );
    const called = await seen.call('quiet', 'note', { id: 'full' }, 2_000);
    expect(called).toMatchObject({ status: 'answered' });
    expect((await mesh.mesh('status')).code).toBe(0);
    const refused = await mesh.mesh('agent', 'stop', 'spare');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/MESH_STORE_(DISK_FULL|UNAVAILABLE)/);
    expect(await notStarted.end()).toEqual([]);

    await disk?.free();
    await until(
      'changes work again',
      async () => (await mesh.mesh('agent', 'stop', 'spare')).code === 0,
      {
        withinMs: 20_000,
      },
    );
    await untilSpare('stopped');
    expect(await processes.end()).toEqual([`process ${pids.get('spare')} is gone`]);
  },
);

/** All that is kept of what an agent printed. */
async function outputOf(name: string): Promise<string> {
  const folder = join(mesh.dir, 'nodes', 'pc2', 'logs', `${name}.0`);
  const pieces = (await readdir(folder)).filter((file) => file.endsWith('.log'));
  // The oldest may go while they are read.
  const texts = pieces.map((file) => readFile(join(folder, file), 'utf8').catch(() => ''));
  return (await Promise.all(texts)).join('');
}

/** `/health` of the node itself, as text. */
async function nodeHealth(): Promise<string> {
  const { host, port } = readLock(join(mesh.dir, 'nodes', 'pc2'))?.endpoints['http'] ?? {};
  return (await fetch(`http://${host}:${port}/health`)).text();
}

const untilSpare = (state: string): Promise<unknown> =>
  until(`spare is ${state}`, async () => {
    const { agents = [] } = (await api?.status()) ?? {};
    return agents.some((row) => row.name === 'spare' && row.state === state && !row.isStale);
  });

function pidsIn(status: Status): Map<string, number> {
  return new Map(status.agents.map(({ name, pid }) => [name, pid ?? Number.NaN]));
}
