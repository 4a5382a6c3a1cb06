/** A main node whose whole data directory is an older one, as after a restored backup. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compareEpochs, type AgentRow, type Epoch, type Status } from '@meshwork/shared';
import {
  diaryAgent,
  openMeshApi,
  readDiary,
  startRealMesh,
  until,
  watchProcesses,
  type MeshApi,
  type RealMesh,
} from '@meshwork/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const daemons = ['main-node', 'redis', 'main-pc', 'pc2'];

let mesh: RealMesh;
let api: MeshApi;
/** Every epoch that was ever seen, and the instance it was of. */
let epochs: Map<Epoch, string>;
const diary = (name: string): string => join(mesh.work, `${name}.diary`);
const on = (node: string, name: string, more: object = {}) => ({
  ...diaryAgent(diary(name)),
  placement: { node },
  ...more,
});

beforeEach(async () => {
  epochs = new Map();
  mesh = await startRealMesh({ nodes: [{ name: 'main-pc' }, { name: 'pc2' }] });
  api = await openMeshApi(mesh.dir);
}, 90_000);
afterEach(async () => {
  await api?.stop();
  await mesh?.stop();
}, 60_000);

const rowOf = (status: Status, name: string): AgentRow | undefined =>
  status.agents.find((agent) => agent.name === name);
const pidsIn = (status: Status) =>
  Object.fromEntries(status.agents.map(({ name, pid }) => [name, pid]));

/** Takes down the epochs of a moment; an epoch that is of another instance now was given out twice. */
function noteEpochs(status: Status): void {
  for (const { instance, epoch } of status.agents) {
    if (epoch === undefined) continue;
    expect(epochs.get(epoch) ?? instance).toBe(instance);
    epochs.set(epoch, instance);
  }
}

const untilStatus = async (
  what: string,
  holds: (status: Status) => boolean,
  withinMs = 10_000,
): Promise<Status> => {
  let last: Status | undefined;
  return until(
    what,
    async () => {
      last = await api.status().catch(() => undefined);
      return last !== undefined && holds(last) && last;
    },
    { withinMs },
  ).catch((error: unknown) => {
    const rows = last?.agents.map((row) => `${row.instance} ${row.state} ${row.reason ?? ''}`);
    throw new Error(`${String(error)}\n${rows?.join('\n') ?? 'no status'}`);
  });
};

/** Ends every daemon at once, agents excepted. */
async function killDaemons(): Promise<void> {
  const pids = await Promise.all(daemons.map((daemon) => mesh.pidOf(daemon)));
  mesh.killUp();
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until('every daemon is gone', () => pids.every((pid) => !isAlive(pid)));
}

describe('the whole data directory of the main node put back to an older copy, every daemon killed', () => {
  it('stops and restarts nothing: what it forgot runs unclaimed, what was stopped stays so, terms and epochs go on', async () => {
    const main = join(mesh.dir, 'main-node');
    const copy = join(mesh.work, 'copy');
    await mesh.apply({
      fleet: 'lab',
      agents: {
        kept: on('main-pc', 'kept'),
        turned: on('pc2', 'turned'),
        halted: on('pc2', 'halted'),
      },
    });
    await mesh.untilReady({ agents: 3 });
    noteEpochs(await api.status());
    // As a backup does it: while everything runs.
    await run('cp', ['-a', main, copy]);
    await mesh.apply({
      fleet: 'lab',
      agents: {
        kept: on('main-pc', 'kept'),
        turned: on('pc2', 'turned'),
        halted: on('pc2', 'halted'),
        newer: on('pc2', 'newer'),
        'newer-too': on('main-pc', 'newer-too'),
      },
    });
    expect((await mesh.mesh('agent', 'restart', 'turned')).code).toBe(0);
    expect((await mesh.mesh('agent', 'stop', 'halted')).code).toBe(0);
    // Reigns that the copy does not know of.
    const killed = await mesh.pidOf('main-node');
    process.kill(killed, 'SIGKILL');
    await mesh.untilBack('main-node', killed);
    const before = await untilStatus(
      'all is as ordered',
      (status) =>
        status.agents.length === 5 &&
        status.nodes.every(({ state, isCurrent }) => state === 'alive' && isCurrent) &&
        status.agents.every(
          ({ name, state }) => state === (name === 'halted' ? 'stopped' : 'ready'),
        ),
    );
    noteEpochs(before);
    const running = before.agents.flatMap(({ pid }) => pid ?? []);
    const processes = watchProcesses(running);
    const haltedStarts = await startsOf('halted');

    await killDaemons();
    await rm(main, { recursive: true });
    await run('cp', ['-a', copy, main]);
    await mesh.up();
    const after = await untilStatus(
      'everything is seen, and what the copy does not know is unclaimed',
      (status) =>
        ['newer', 'newer-too'].every((name) => rowOf(status, name)?.state === 'unclaimed') &&
        status.agents.every(({ isStale, state }) => !isStale && state !== 'unknown'),
    );

    noteEpochs(after);
    expect(after.mesh.id).toBe(before.mesh.id);
    expect(after.mesh.term).toBeGreaterThan(before.mesh.term);
    expect(rowOf(after, 'kept')).toMatchObject({ state: 'ready', restarts: 0 });
    for (const name of ['kept', 'turned', 'newer', 'newer-too'])
      expect(pidsIn(after)[name]).toBe(pidsIn(before)[name]);

    // What is placed now never has an epoch that was there before.
    await mesh.apply({ fleet: 'late', agents: { late: on('pc2', 'late') } });
    const placed = await untilStatus(
      'late is ready',
      (status) => rowOf(status, 'late')?.state === 'ready',
    );
    noteEpochs(placed);
    const late = rowOf(placed, 'late')?.epoch;
    for (const [epoch, instance] of epochs)
      if (late !== undefined && instance !== 'late.0')
        expect(compareEpochs(late, epoch)).toBeGreaterThan(0);

    expect((await mesh.mesh('agent', 'adopt', 'newer')).code).toBe(0);
    expect((await mesh.mesh('agent', 'stop', 'newer-too')).code).toBe(0);
    const settled = await untilStatus(
      'one is adopted, the other gone',
      (status) =>
        rowOf(status, 'newer')?.state === 'ready' && rowOf(status, 'newer-too') === undefined,
    );
    expect(pidsIn(settled)['newer']).toBe(pidsIn(before)['newer']);
    expect(await startsOf('halted')).toBe(haltedStarts);
    expect(await processes.end()).toEqual([`process ${pidsIn(before)['newer-too']} is gone`]);
    const exported = await mesh.mesh('export', 'lab');
    expect(exported.stdout).toContain('newer:');
  });
});

async function startsOf(name: string): Promise<number> {
  return (await readDiary(diary(name))).filter(({ what }) => what === 'start').length;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
