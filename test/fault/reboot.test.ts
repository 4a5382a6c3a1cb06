/** A PC that loses power: every process ends at one moment, and what comes back has another boot id and pids from 1 again. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Status } from '@meshwork/shared';
import {
  diaryAgent,
  itNeeds,
  openMeshApi,
  pickForRun,
  readDiary,
  startPc,
  startRealMesh,
  until,
  writeBootId,
  type MeshApi,
  type Pc,
  type RealMesh,
} from '@meshwork/testkit';
import { afterEach, beforeEach, expect } from 'vitest';

const workerNode = fileURLToPath(
  new URL('../../packages/worker-node/src/main.ts', import.meta.url),
);

/** What is on another node is waited for 30 s: too long for every day. */
const isLong = pickForRun({ short: false, long: true });

let root: string;
let boots: number;
let mesh: RealMesh | undefined;
let api: MeshApi | undefined;
/** The PC as it is since its last boot. */
let running: Pc | undefined;

const pc: Pc = {
  name: 'pc',
  get holder() {
    return booted().holder;
  },
  command: (argv) => booted().command(argv),
  run: (...argv) => booted().run(...argv),
  cutPower: () => booted().cutPower(),
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'reboot-'));
  boots = 0;
});
afterEach(async () => {
  await api?.stop();
  await mesh?.stop();
  await running?.cutPower();
  running = mesh = api = undefined;
  await rm(root, { recursive: true, force: true });
}, 60_000);

function booted(): Pc {
  if (running === undefined) throw new Error('the PC has no power');
  return running;
}

/** Gives the PC power: a new boot id, no process, pids from 1. */
async function boot(): Promise<void> {
  boots += 1;
  const bootIdFile = join(root, `boot-id-${boots}`);
  await writeBootId(bootIdFile, `00000000-0000-4000-8000-${String(boots).padStart(12, '0')}`);
  running = await startPc({ name: 'pc', bootIdFile });
}

async function cutPower(): Promise<void> {
  await booted().cutPower();
  running = undefined;
  await api?.stop();
  api = undefined;
}

const diary = (name: string): string => join(mesh?.work ?? root, `${name}.diary`);
const agent = (name: string, dependsOn: readonly string[], node = 'pc2') => ({
  ...diaryAgent(diary(name), { servesAfterMs: 300 }),
  placement: { node },
  start: { dependsOn },
});

async function startMesh(): Promise<{ readonly mesh: RealMesh; readonly status: Status }> {
  await boot();
  const made = await startRealMesh({ pc, nodes: [{ name: 'main-pc' }, { name: 'pc2' }] });
  mesh = made;
  await made.apply({
    fleet: 'lab',
    agents: {
      base: agent('base', []),
      middle: agent('middle', ['base']),
      top: agent('top', ['middle']),
      beside: agent('beside', ['top'], 'main-pc'),
      stopped: agent('stopped', []),
      waiter: agent('waiter', ['beside']),
    },
  });
  api = await openMeshApi(made.dir, booted());
  await untilStatus(
    'all are ready',
    ({ agents }) => agents.length === 6 && agents.every(({ state }) => state === 'ready'),
  );
  expect((await made.mesh('agent', 'stop', 'stopped')).code).toBe(0);
  const status = await untilStatus('stopped is stopped', (seen) =>
    seen.agents.every(({ name, state }) => state === (name === 'stopped' ? 'stopped' : 'ready')),
  );
  return { mesh: made, status };
}

async function untilStatus(what: string, holds: (status: Status) => boolean): Promise<Status> {
  let last: Status | undefined;
  return until(
    what,
    async () => {
      last = await api?.status().catch(() => undefined);
      return last !== undefined && holds(last) && last;
    },
    { withinMs: 20_000 },
  ).catch((error: unknown) => {
    const rows = last?.agents.map((row) => `${row.instance} ${row.state} ${row.reason ?? ''}`);
    throw new Error(`${String(error)}\n${rows?.join('\n') ?? 'no status'}`);
  });
}

/** When each agent was started, in the order of the names; once each since `fromMs`. */
async function startsSince(fromMs: number, names: readonly string[]): Promise<readonly number[]> {
  const starts: number[] = [];
  for (const name of names) {
    const lines = (await readDiary(diary(name))).filter(
      ({ what, atMs }) => what === 'start' && atMs >= fromMs,
    );
    expect(lines.map(({ what }) => [name, what])).toEqual([[name, 'start']]);
    starts.push(...lines.map(({ atMs }) => atMs));
  }
  return starts;
}

/** Starts something harmless under exactly these pids of the PC, as the next boot's own services would have them. */
async function occupy(pids: readonly number[]): Promise<void> {
  for (const pid of pids.toSorted((a, b) => a - b)) {
    const [program, ...args] = booted().command([
      'sh',
      '-c',
      `echo ${pid - 1} >/proc/sys/kernel/ns_last_pid; sleep 600 & echo $!`,
    ]);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = await new Promise<string>((resolve) =>
      child.stdout.setEncoding('utf8').once('data', resolve),
    );
    expect(Number(said)).toBe(pid);
  }
}

const strangers = async (pids: readonly number[]): Promise<readonly string[]> =>
  Promise.all(
    pids.map(async (pid) =>
      (
        await booted()
          .run('cat', `/proc/${pid}/comm`)
          .catch(() => 'gone')
      ).trim(),
    ),
  );

itNeeds(
  ['netns', 'mount', 'python3'],
  'a reboot adopts nothing by mistake and ends no stranger, and starts everything in order, counting no crash',
  async () => {
    const { mesh: made, status: before } = await startMesh();
    const pids = before.agents.flatMap(({ pid }) => pid ?? []);
    const offMs = Date.now();

    await cutPower();
    await boot();
    await occupy(pids);
    await made.up();
    api = await openMeshApi(made.dir, booted());
    const after = await untilStatus('all is as before', (status) =>
      status.agents.every(
        ({ name, state }) => state === (name === 'stopped' ? 'stopped' : 'ready'),
      ),
    );

    expect(await strangers(pids)).toEqual(pids.map(() => 'sleep'));
    for (const row of after.agents) {
      expect(row).toMatchObject({ crashes: 0 });
      if (row.pid !== undefined) expect(pids).not.toContain(row.pid);
    }
    const starts = await startsSince(offMs, ['base', 'middle', 'top', 'beside', 'waiter']);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect((await readDiary(diary('stopped'))).filter(({ what }) => what === 'start')).toHaveLength(
      1,
    );
    expect(after.mesh).toMatchObject({ id: before.mesh.id, store: { state: 'up' } });
    expect(after.mesh.term).toBeGreaterThan(before.mesh.term);
  },
);

itNeeds(
  ['netns', 'mount', 'python3'],
  'a node that boots while the main node is away starts what it was told last, in order, without what it cannot see',
  async () => {
    const { mesh: made } = await startMesh();
    const offMs = Date.now();

    await cutPower();
    await boot();
    const dir = join(made.dir, 'nodes', 'pc2');
    const [program, ...args] = booted().command([process.execPath, workerNode, '--dir', dir]);
    const node = spawn(program, args, {
      env: { ...process.env, MESH_HTTP_PORT: '0' },
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    await until(
      'the last one in order is started',
      async () =>
        (await readDiary(diary('top'))).some(({ what, atMs }) => what === 'start' && atMs > offMs),
      { withinMs: 20_000 },
    );

    const starts = await startsSince(offMs, ['base', 'middle', 'top']);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect((await readDiary(diary('stopped'))).filter(({ what }) => what === 'start')).toHaveLength(
      1,
    );
    const waiterStarts = async (): Promise<number> =>
      (await readDiary(diary('waiter'))).filter(
        ({ what, atMs }) => what === 'start' && atMs > offMs,
      ).length;
    expect(await waiterStarts()).toBe(0);
    if (isLong)
      await until('it is started without', async () => (await waiterStarts()) === 1, {
        withinMs: 40_000,
      });
    expect(node.exitCode).toBeNull();
  },
);
