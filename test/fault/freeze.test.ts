/** What stopping a daemon (SIGSTOP, a suspended machine, a hanging disk) does, and what it does not. */
import { join } from 'node:path';
import type { AgentRow, CallResult, Status } from '@meshwork/shared';
import {
  diaryAgent,
  openMeshApi,
  readDiary,
  startRealMesh,
  until,
  watch,
  watchProcesses,
  type MeshApi,
  type RealMesh,
} from '@meshwork/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

/** How soon a continued node is back (DESIGN, "Faults"), ms. */
const backWithinMs = 2_000;
const diary = (name: string): string => join(mesh.work, `${name}.diary`);

let mesh: RealMesh;
let api: MeshApi;
let stopped: number | undefined;
beforeAll(async () => {
  mesh = await startRealMesh({ nodes: [{ name: 'main-pc' }, { name: 'pc2' }] });
  api = await openMeshApi(mesh.dir);
  const on = (node: string, name: string) => ({ ...diaryAgent(diary(name)), placement: { node } });
  await mesh.apply({
    fleet: 'lab',
    agents: { near: on('main-pc', 'near'), one: on('pc2', 'one'), two: on('pc2', 'two') },
  });
  await mesh.untilReady({ agents: 3 });
}, 90_000);
afterEach(() => {
  if (stopped !== undefined) process.kill(stopped, 'SIGCONT');
  stopped = undefined;
});
afterAll(async () => {
  await api?.stop();
  await mesh?.stop();
}, 60_000);

async function freeze(daemon: string): Promise<number> {
  stopped = await mesh.pidOf(daemon);
  process.kill(stopped, 'SIGSTOP');
  return performance.now();
}

function thaw(): number {
  if (stopped !== undefined) process.kill(stopped, 'SIGCONT');
  stopped = undefined;
  return performance.now();
}

const nodeOf = (status: Status, name: string) => status.nodes.find((node) => node.name === name);
const rowOf = (status: Status, name: string): AgentRow | undefined =>
  status.agents.find((agent) => agent.name === name);
const pidsOf = (status: Status): number[] => status.agents.map(({ pid }) => pid ?? Number.NaN);

/** Waits for a length of time that is the fault itself. */
const lasts = (sinceMs: number, forMs: number): Promise<unknown> =>
  until(`the stop lasted ${forMs} ms`, () => performance.now() - sinceMs >= forMs, {
    withinMs: forMs,
  });

interface Asked {
  readonly id: string;
  /** Wall clock, as the diary's. */
  readonly deadlineMs: number;
  readonly outcome: Promise<CallResult>;
}

function ask(target: string, id: string, timeoutMs: number): Asked {
  const deadlineMs = Date.now() + timeoutMs;
  return { id, deadlineMs, outcome: api.call(target, 'note', { id }, timeoutMs) };
}

describe('a worker node that is stopped for 10 s', () => {
  it('is back as a higher incarnation within 2 s, carried nothing out after its deadline, and its agents worked on', async () => {
    const before = await api.status();
    const processes = watchProcesses(pidsOf(before));

    const stoppedAtMs = await freeze('pc2');
    // The first ones reach its sockets while it still counts as alive, and wait there.
    const asked: Asked[] = [];
    await until('it is called dead', async () => {
      const id = `stale-${asked.length}`;
      asked.push(ask(asked.length % 2 === 0 ? 'one' : 'two', id, 100 + (asked.length % 8) * 100));
      return nodeOf(await api.status(), 'pc2')?.state === 'dead';
    });
    const noticedAfterMs = performance.now() - stoppedAtMs;
    const late = ask('one', 'stale-late', 2_000);
    await lasts(stoppedAtMs, 10_000);
    expect(rowOf(await api.status(), 'one')).toMatchObject({ state: 'unknown', isStale: true });
    const continuedAtMs = thaw();
    const after = await until(
      'it is back',
      async () => {
        const status = await api.status();
        const node = nodeOf(status, 'pc2');
        const isFresh = status.agents.every(({ state, isStale }) => state === 'ready' && !isStale);
        return node?.state === 'alive' && node.isCurrent && isFresh && status;
      },
      { withinMs: backWithinMs },
    );
    const backAfterMs = performance.now() - continuedAtMs;

    expect(noticedAfterMs).toBeLessThan(2_500);
    expect(backAfterMs).toBeLessThan(backWithinMs);
    expect(nodeOf(after, 'pc2')?.incarnation).toBeGreaterThan(
      nodeOf(before, 'pc2')?.incarnation ?? Number.NaN,
    );
    expect(pidsOf(after)).toEqual(pidsOf(before));
    expect(await processes.end()).toEqual([]);

    const outcomes = await Promise.all([...asked, late].map(({ outcome }) => outcome));
    for (const { status } of outcomes) expect(status).toMatch(/^(expired|unknown|refused)$/);
    expect(outcomes.some(({ status }) => status !== 'refused')).toBe(true);
    // A call that is answered now comes after everything that waited in the node's sockets.
    for (const name of ['one', 'two'])
      expect(await api.call(name, 'note', { id: 'fence' }, 5_000)).toMatchObject({
        status: 'answered',
      });
    const written = [...(await readDiary(diary('one'))), ...(await readDiary(diary('two')))];
    for (const { id, deadlineMs } of [...asked, late]) {
      const effects = written.filter((line) => line.what === 'call' && line.id === id);
      for (const { atMs } of effects) expect(atMs).toBeLessThanOrEqual(deadlineMs);
    }
    const beats = written.filter(({ what }) => what === 'beat').map(({ atMs }) => atMs);
    const duringMs = Date.now() - (performance.now() - stoppedAtMs);
    expect(
      beats.filter((atMs) => atMs > duringMs && atMs < duringMs + 10_000).length,
    ).toBeGreaterThan(100);
  });
});

describe('a main node that is stopped for 5 s', () => {
  it('calls nobody dead because of that, and no agent or node notices', async () => {
    const before = await api.status();
    const processes = watchProcesses(pidsOf(before));

    const stoppedAtMs = await freeze('main-node');
    await lasts(stoppedAtMs, 5_000);
    thaw();
    const truth = watch(20, async () => {
      const status = await api.status();
      return status.nodes.filter(({ state }) => state === 'dead').map(({ name }) => `${name} dead`);
    });
    const after = await until(
      'all is attached',
      async () => {
        const status = await api.status();
        const isAttached =
          status.nodes.every(({ state, isCurrent }) => state === 'alive' && isCurrent) &&
          status.agents.every(({ state, isStale }) => state === 'ready' && !isStale);
        return isAttached && status;
      },
      { withinMs: 3_000 },
    );

    expect(await truth.end()).toEqual([]);
    expect(after.nodes.map(({ incarnation }) => incarnation)).toEqual(
      before.nodes.map(({ incarnation }) => incarnation),
    );
    expect(after.mesh.term).toBe(before.mesh.term);
    expect(pidsOf(after)).toEqual(pidsOf(before));
    expect(await processes.end()).toEqual([]);
    const deaths = (await api.events()).filter(
      (event) => event.kind === 'node.state' && event.after === 'dead' && event.node === 'main-pc',
    );
    expect(deaths).toEqual([]);
  });
});

describe('mesh up that is stopped', () => {
  it('changes nothing, and starts a daemon that died meanwhile as soon as it goes on', async () => {
    const before = await api.status();
    const processes = watchProcesses(pidsOf(before));
    const killed = await mesh.pidOf('pc2');

    await freeze('up');
    process.kill(killed, 'SIGKILL');
    await until('the node is rejoining', async () => {
      return nodeOf(await api.status(), 'pc2')?.state === 'rejoining';
    });
    thaw();

    await mesh.untilBack('pc2', killed);
    await mesh.untilReady({ agents: 3, withinMs: 3_000 });
    expect(pidsOf(await api.status())).toEqual(pidsOf(before));
    expect(await processes.end()).toEqual([]);
  });
});
