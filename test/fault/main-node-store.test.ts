import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { compareEpochs, type AgentRow } from '@meshwork/shared';
import { startRealMesh, until, type RealMesh } from '@meshwork/testkit';
import { afterEach, describe, expect, it } from 'vitest';

const shell = { command: ['sh', '-c', 'while :; do echo tick; sleep 1; done'] };
const on = (node: string, agent: object = shell) => ({ ...agent, placement: { node } });
const first = { fleet: 'lab', agents: { one: on('main-pc'), two: on('pc2') } };
const second = {
  fleet: 'lab',
  agents: {
    one: on('main-pc', { ...shell, labels: { changed: 'yes' } }),
    two: on('pc2'),
    three: on('pc2'),
  },
};

let mesh: RealMesh;
afterEach(() => mesh?.stop(), 60_000);

/** Ends what writes to the store (and what would start it again), lets `change` touch the files, and starts over. */
async function whileStoreIsDown(change: (dataDir: string) => Promise<void>): Promise<void> {
  const pids = [await mesh.pidOf('main-node'), await mesh.pidOf('redis')];
  mesh.killUp();
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until('Redis is gone', async () => (await hasEnded('redis')) && hasEnded('main-node'), {
    withinMs: 10_000,
  });
  await change(join(mesh.dir, 'main-node', 'redis', 'data'));
  await mesh.up();
}

async function hasEnded(daemon: string): Promise<boolean> {
  return mesh.pidOf(daemon).then(
    () => false,
    () => true,
  );
}

const rowsOf = async (): Promise<Map<string, AgentRow>> =>
  new Map((await mesh.status()).agents.map((row) => [row.instance, row]));

async function untilRows(
  what: string,
  holds: (rows: Map<string, AgentRow>) => boolean,
): Promise<Map<string, AgentRow>> {
  let last: unknown;
  return until(
    what,
    async () => {
      const rows = await rowsOf();
      last = [...rows.values()].map((row) => `${row.instance} ${row.state} ${row.reason ?? ''}`);
      return holds(rows) && rows;
    },
    { withinMs: 15_000 },
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${JSON.stringify(last, null, 1)}`);
  });
}

const pidsIn = (rows: Map<string, AgentRow>) =>
  Object.fromEntries([...rows].map(([id, { pid }]) => [id, pid]));

describe('Redis with an emptied database', () => {
  it('stops nothing: what runs is unclaimed until it is adopted or its fleet applied, and no epoch comes twice', async () => {
    mesh = await startRealMesh({ nodes: [{ name: 'main-pc' }, { name: 'pc2' }] });
    await mesh.apply(first);
    const before = await mesh.untilReady({ agents: 2 });

    await whileStoreIsDown((dir) => rm(dir, { recursive: true }));
    const unclaimed = await untilRows('both run unclaimed', (rows) =>
      ['one.0', 'two.0'].every((id) => rows.get(id)?.state === 'unclaimed'),
    );

    expect(pidsIn(unclaimed)).toEqual(pidsIn(before));
    expect((await mesh.mesh('agent', 'adopt', 'one')).code).toBe(0);
    await mesh.apply(first);
    const adopted = await untilRows('both are claimed', (rows) =>
      [...rows.values()].every(({ state }) => state === 'ready'),
    );
    expect(pidsIn(adopted)).toEqual(pidsIn(before));
    expect((await mesh.mesh('export', 'lab')).code).toBe(0);
    await mesh.apply(second);
    const after = await mesh.untilReady({ agents: 3 });
    expect(pidsIn(new Map([...after].filter(([id]) => id !== 'three.0')))).toEqual(pidsIn(before));
    const highest = [...before.values()]
      .map(({ epoch }) => epoch!)
      .toSorted(compareEpochs)
      .at(-1)!;
    expect(compareEpochs(after.get('three.0')!.epoch!, highest)).toBeGreaterThan(0);
  });
});

describe('Redis with an older database', () => {
  it('stops nothing that it forgot and restarts nothing that it knows otherwise', async () => {
    mesh = await startRealMesh({ nodes: [{ name: 'main-pc' }, { name: 'pc2' }] });
    await mesh.apply(first);
    await mesh.untilReady({ agents: 2 });
    const copy = join(mesh.work, 'copy');
    await whileStoreIsDown((dir) => cp(dir, copy, { recursive: true }));
    await mesh.apply(second);
    await mesh.mesh('agent', 'restart', 'two');
    await untilRows('two runs as ordered', (rows) => (rows.get('two.0')?.restarts ?? 0) > 0);
    const before = await mesh.untilReady({ agents: 3 });

    await whileStoreIsDown(async (dir) => {
      await rm(dir, { recursive: true });
      await cp(copy, dir, { recursive: true });
    });
    const now = await untilRows('all are seen', (rows) =>
      [...before.keys()].every((id) => ['ready', 'unclaimed'].includes(rows.get(id)?.state ?? '')),
    );

    expect(pidsIn(now)).toEqual(pidsIn(before));
    expect(now.get('three.0')?.state).toBe('unclaimed');
    const terms = (rows: Map<string, AgentRow>) =>
      [...rows.values()].map(({ epoch }) => Number(epoch?.split('.')[0]));
    expect((await mesh.status()).mesh.term).toBeGreaterThan(Math.max(...terms(before)));
    const stopped = await mesh.mesh('agent', 'stop', 'three');
    expect(stopped.code).toBe(0);
    await untilRows('three is gone', (rows) => !rows.has('three.0'));
  });
});

describe('Redis that is away', () => {
  it('costs no agent and no look: changes are refused as retryable until it is back', async () => {
    mesh = await startRealMesh();
    await mesh.apply({ fleet: 'lab', agents: { one: on('main-pc') } });
    const before = await mesh.untilReady({ agents: 1 });
    const redis = await mesh.pidOf('redis');

    process.kill(redis, 'SIGSTOP');
    await until(
      'the store is down',
      async () => (await mesh.status()).mesh.store.state === 'down',
      {
        withinMs: 10_000,
      },
    );
    const refused = await mesh.mesh('agent', 'stop', 'one', '-o', 'json');
    const during = await rowsOf();
    process.kill(redis, 'SIGCONT');
    await until('the store is up', async () => (await mesh.status()).mesh.store.state === 'up', {
      withinMs: 10_000,
    });

    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('MESH_STORE_UNAVAILABLE');
    expect(during.get('one.0')).toMatchObject({ state: 'ready', desired: 'run' });
    expect(pidsIn(during)).toEqual(pidsIn(before));
    expect((await mesh.mesh('agent', 'stop', 'one')).code).toBe(0);
    await untilRows('one is stopped', (rows) => rows.get('one.0')?.state === 'stopped');
  });
});
