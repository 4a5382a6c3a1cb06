import { MeshEvent, listOf, type NodeRow } from '@meshwork/shared';
import { pickForRun, startRealMesh, until, type RealMesh } from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const shell = { command: ['sh', '-c', 'while :; do echo tick; sleep 1; done'] };
const fleet = { fleet: 'lab', agents: { one: { ...shell, placement: { node: 'pc2' } } } };

let mesh: RealMesh;
beforeAll(async () => {
  mesh = await startRealMesh({ nodes: [{ name: 'main-pc' }, { name: 'pc2' }] });
  await mesh.apply(fleet);
  await mesh.untilReady({ agents: 1 });
}, 90_000);
afterAll(() => mesh?.stop(), 60_000);

async function node(name: string): Promise<NodeRow> {
  const row = (await mesh.status()).nodes.find((one) => one.name === name);
  if (row === undefined) throw new Error(`no node ${name}`);
  return row;
}

const untilState = (name: string, state: NodeRow['state'], withinMs: number): Promise<NodeRow> =>
  until(
    `${name} is ${state}`,
    async () => {
      const row = await node(name);
      return row.state === state && row;
    },
    { withinMs },
  );

/** States that the main node recorded of a node after an event, in order. */
async function statesSince(after: string, name: string): Promise<readonly string[]> {
  const { stdout } = await mesh.mesh('events', '-n', '500', '-o', 'json');
  const { items } = listOf(MeshEvent).parse(JSON.parse(stdout));
  const at = items.findIndex(({ id }) => id === after);
  return items
    .slice(at + 1)
    .flatMap((event) =>
      event.kind === 'node.state' && event.node === name ? [event.after ?? ''] : [],
    );
}

async function lastEventId(): Promise<string> {
  const { stdout } = await mesh.mesh('events', '-n', '1', '-o', 'json');
  return listOf(MeshEvent).parse(JSON.parse(stdout)).items.at(-1)?.id ?? '';
}

const pidOfOne = async (): Promise<number | undefined> =>
  (await mesh.status()).agents.find(({ instance }) => instance === 'one.0')?.pid;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a main node that is stopped', () => {
  it('calls nobody dead when it goes on: what it did not watch is no silence', async () => {
    const since = await lastEventId();
    const pid = await mesh.pidOf('main-node');

    process.kill(pid, 'SIGSTOP');
    // The stop itself is the fault; its length is what is tested.
    await pause(pickForRun({ short: 5_000, long: 30_000 }));
    process.kill(pid, 'SIGCONT');
    await untilState('main-pc', 'alive', 5_000);
    await untilState('pc2', 'alive', 5_000);

    expect(await mesh.pidOf('main-node')).toBe(pid);
    for (const name of ['main-pc', 'pc2'])
      expect(await statesSince(since, name)).not.toContain('dead');
  });
});

describe('a worker node that is stopped', () => {
  it('is dead after its silence, and back by a higher incarnation within 2 s of going on, its agents untouched', async () => {
    const before = await node('pc2');
    const agent = await pidOfOne();
    const pid = await mesh.pidOf('pc2');

    process.kill(pid, 'SIGSTOP');
    const dead = await untilState('pc2', 'dead', 8_000);
    const unknown = (await mesh.status()).agents.find(({ instance }) => instance === 'one.0');
    await pause(pickForRun({ short: 3_000, long: 10_000 }));
    process.kill(pid, 'SIGCONT');
    const back = await untilState('pc2', 'alive', 2_500);

    expect(dead.incarnation).toBe(before.incarnation);
    expect(unknown).toMatchObject({ state: 'unknown', isStale: true });
    expect(back.incarnation).toBeGreaterThan(before.incarnation ?? 0);
    await mesh.untilReady({ agents: 1 });
    expect(await pidOfOne()).toBe(agent);
  });

  it('is called rejoining, never dead, when its daemon is killed and comes back', async () => {
    const since = await lastEventId();
    const agent = await pidOfOne();
    const pid = await mesh.pidOf('pc2');

    process.kill(pid, 'SIGKILL');
    await mesh.untilBack('pc2', pid);
    await untilState('pc2', 'alive', 5_000);
    await mesh.untilReady({ agents: 1 });

    const states = await statesSince(since, 'pc2');
    expect(states).toContain('rejoining');
    expect(states).not.toContain('dead');
    expect(await pidOfOne()).toBe(agent);
  });

  it('has left when it says so, and nothing of it is called dead', async () => {
    const since = await lastEventId();
    const pid = await mesh.pidOf('pc2');

    process.kill(pid, 'SIGTERM');
    await mesh.untilBack('pc2', pid);
    await untilState('pc2', 'alive', 5_000);

    const states = await statesSince(since, 'pc2');
    expect(states[0]).toBe('left');
    expect(states).not.toContain('dead');
  });
});
