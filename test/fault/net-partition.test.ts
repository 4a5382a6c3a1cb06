/** What a cut cable between two PCs does, and what it does not. */
import { join } from 'node:path';
import type { AgentRow, Status } from '@meshwork/shared';
import {
  diaryAgent,
  itNeeds,
  openMeshApi,
  pickForRun,
  readDiary,
  startJoinedNode,
  startNetWorld,
  startRealMesh,
  until,
  watch,
  watchProcesses,
  type JoinedNode,
  type MeshApi,
  type NetWorld,
  type RealMesh,
} from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect } from 'vitest';

/** How soon silence is called death, ms. */
const noticedWithinMs = 2_500;
/** How soon all is attached after the cable is back (P4), ms. */
const attachedWithinMs = 3_000;

let net: NetWorld;
let mesh: RealMesh;
let api: MeshApi;
let far: JoinedNode;
const diary = (name: string): string => join(mesh.work, `${name}.diary`);

/** The fixtures need root; where it is missing each test says so itself. */
const can = process.getuid?.() === 0;
beforeAll(async () => {
  if (!can) return;
  net = await startNetWorld();
  mesh = await startRealMesh({ pc: net.main, mainNode: { control: { host: '0.0.0.0' } } });
  api = await openMeshApi(mesh.dir, net.main);
  const { address } = net.main;
  far = await startJoinedNode({ mesh, pc: net.far, name: 'far', mainAddress: address });
  const on = (node: string, name: string) => ({
    ...diaryAgent(diary(name)),
    placement: { node },
  });
  await until('the far node is alive', async () => isAttached(await api.status()), {
    withinMs: 10_000,
  });
  await mesh.apply({
    fleet: 'lab',
    agents: {
      near: on('main-pc', 'near'),
      'far-one': on('far', 'far-one'),
      'far-two': on('far', 'far-two'),
    },
  });
  await mesh.untilReady({ agents: 3 });
}, 90_000);
afterAll(async () => {
  await net?.heal();
  await far?.stop();
  await api?.stop();
  await mesh?.stop();
  await net?.stop();
}, 60_000);

const stateOfFar = (status: Status): string | undefined =>
  status.nodes.find(({ name }) => name === 'far')?.state;
const row = (status: Status, name: string): AgentRow => {
  const found = status.agents.find((agent) => agent.name === name);
  if (found === undefined) throw new Error(`${name} has no row`);
  return found;
};

/** Everything is there, and what is said about it is of now. */
function isAttached(status: Status): boolean {
  const node = status.nodes.find(({ name }) => name === 'far');
  return (
    node?.state === 'alive' &&
    node.isCurrent &&
    status.agents.every(({ state, isStale }) => state === 'ready' && !isStale)
  );
}

async function pidsNow(): Promise<Record<string, number>> {
  const { agents } = await api.status();
  return Object.fromEntries(agents.map(({ name, pid }) => [name, pid ?? Number.NaN]));
}

/** What must be true at every moment of a cut: the near side works, and nothing of the far side is said to be fresh. */
function watchTruth(): ReturnType<typeof watch> {
  return watch(100, async () => {
    const status = await api.status();
    const near = row(status, 'near');
    const said = stateOfFar(status);
    const isFarFresh = ['far-one', 'far-two'].some((name) => !row(status, name).isStale);
    return [
      ...(near.state === 'ready' && !near.isStale ? [] : [`near is ${near.state}`]),
      ...(said === 'dead' && isFarFresh ? ['the agents of a dead node are said to be fresh'] : []),
      ...(status.mesh.store.state === 'up' ? [] : ['the store is down']),
    ];
  });
}

describe('a partition between two PCs', () => {
  for (const seconds of pickForRun({ short: [5], long: [5, 60, 120] })) {
    itNeeds(
      ['netns', 'iptables', 'python3'],
      `of ${seconds} s is noticed as silence, stops and restarts nothing, and is over within 3 s of healing`,
      async () => {
        const pids = await pidsNow();
        const before = await api.status();
        const processes = watchProcesses(Object.values(pids));

        await net.cut();
        const cutAtMs = performance.now();
        await until('the far node is dead', async () => stateOfFar(await api.status()) === 'dead', {
          withinMs: noticedWithinMs,
        });
        const truth = watchTruth();
        await until(
          'the partition lasted long enough',
          () => performance.now() - cutAtMs >= seconds * 1_000,
          { withinMs: seconds * 1_000 },
        );
        expect(row(await api.status(), 'far-one')).toMatchObject({
          state: 'unknown',
          isStale: true,
        });
        expect(await truth.end()).toEqual([]);

        await net.heal();
        await until('all is attached', async () => isAttached(await api.status()), {
          withinMs: attachedWithinMs,
        });

        expect(await processes.end()).toEqual([]);
        expect(await pidsNow()).toEqual(pids);
        const after = await api.status();
        for (const { restarts, crashes } of after.agents)
          expect({ restarts, crashes }).toEqual({ restarts: 0, crashes: 0 });
        const incarnationOf = (status: Status) =>
          status.nodes.find(({ name }) => name === 'far')?.incarnation ?? 0;
        expect(incarnationOf(after)).toBeGreaterThan(incarnationOf(before));
        expect(await api.call('far-one', 'note', { id: `after-${seconds}` }, 2_000)).toMatchObject({
          status: 'answered',
          result: { pid: pids['far-one'] },
        });
        for (const name of ['near', 'far-one', 'far-two']) {
          const lines = await readDiary(diary(name));
          expect(lines.filter(({ what }) => what === 'start')).toHaveLength(1);
        }
      },
    );
  }

  itNeeds(
    ['netns', 'iptables', 'python3'],
    'leaves the cut-off node at work: it restarts what crashes there, and obeys what was changed meanwhile once it is healed',
    async () => {
      const pids = await pidsNow();
      const starts = (await readDiary(diary('far-two'))).length;
      const processes = watchProcesses([pids['near'] ?? Number.NaN]);

      await net.cut();
      await until('the far node is dead', async () => stateOfFar(await api.status()) === 'dead', {
        withinMs: noticedWithinMs,
      });
      process.kill(pids['far-two'] ?? Number.NaN, 'SIGKILL');
      await until('far-two runs again', async () => {
        const lines = (await readDiary(diary('far-two'))).slice(starts);
        return lines.some(({ what, pid }) => what === 'start' && pid !== pids['far-two']);
      });
      expect((await mesh.mesh('agent', 'stop', 'far-one')).code).toBe(0);
      const isRunning = (): boolean => isAlive(pids['far-one'] ?? Number.NaN);
      expect(isRunning()).toBe(true);
      await net.heal();

      const stopped = await until(
        'the order has reached the far node',
        async () => {
          const status = await api.status();
          const found = row(status, 'far-one');
          return stateOfFar(status) === 'alive' && found.state === 'stopped' && status;
        },
        { withinMs: attachedWithinMs },
      );
      expect(isRunning()).toBe(false);
      expect(row(stopped, 'far-two')).toMatchObject({ crashes: 1, restarts: 1 });
      expect(await processes.end()).toEqual([]);
      await mesh.mesh('agent', 'start', 'far-one');
      await mesh.untilReady({ agents: 3 });
    },
  );

  itNeeds(
    ['netns', 'iptables', 'python3'],
    'of one direction only restarts nothing either, and is over within 3 s of healing',
    async () => {
      for (const at of ['main', 'far'] as const) {
        const pids = await pidsNow();
        const processes = watchProcesses(Object.values(pids));

        await net.cut(at);
        await until(
          'the far node is not said to be alive',
          async () => stateOfFar(await api.status()) !== 'alive',
          { withinMs: noticedWithinMs },
        );
        await net.heal();

        await until(`all is attached, cut at ${at}`, async () => isAttached(await api.status()), {
          withinMs: attachedWithinMs,
        });
        expect(await processes.end()).toEqual([]);
        expect(await pidsNow()).toEqual(pids);
      }
    },
  );
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
