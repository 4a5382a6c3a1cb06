import { fileURLToPath } from 'node:url';
import { startRealMesh, until, type RealMesh } from '@meshwork/testkit';
import type { AgentRow } from '@meshwork/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const echo = fileURLToPath(new URL('../fixtures/agents/echo.py', import.meta.url));
const python = {
  command: ['/usr/bin/python3', echo, '${port.http}'],
  ports: { http: 'auto' },
  health: { http: { port: 'http' }, interval: '1s' },
  calls: { http: 'http' },
};
const shell = { command: ['sh', '-c', 'while :; do echo tick; sleep 1; done'] };
const on = (node: string, agent: object) => ({ ...agent, placement: { node } });
const fleet = {
  fleet: 'lab',
  agents: {
    'p-one': on('main-pc', python),
    'p-two': on('pc2', python),
    's-one': on('main-pc', shell),
    's-two': on('pc2', shell),
  },
};

/** How soon all must be attached after a killed part is back (P4), ms; as `status` sees it, its own start included. */
const attachedWithinMs = 3000;

let mesh: RealMesh;
let before: Map<string, AgentRow>;
beforeAll(async () => {
  mesh = await startRealMesh({ nodes: [{ name: 'main-pc' }, { name: 'pc2' }] });
  await mesh.apply(fleet);
  before = await mesh.untilReady({ agents: 4 });
}, 90_000);
afterAll(() => mesh?.stop(), 60_000);

const pidsOf = (rows: Map<string, AgentRow>) =>
  Object.fromEntries([...rows].map(([id, row]) => [id, row.pid]));

/** Never 0 or undefined: a signal to those would reach the tests themselves. */
function pidIn(rows: Map<string, AgentRow>, instance: string): number {
  const pid = rows.get(instance)?.pid;
  if (pid === undefined) throw new Error(`${instance} has no process`);
  return pid;
}

async function expectSamePids(except: readonly string[] = []): Promise<Map<string, AgentRow>> {
  const now = await mesh.untilReady({ agents: 4 });
  const kept = (rows: Map<string, AgentRow>) =>
    new Map([...rows].filter(([id]) => !except.includes(id)));
  expect(pidsOf(kept(now))).toEqual(pidsOf(kept(before)));
  return now;
}

describe('kill -9', () => {
  it.each(['main-node', 'pc2', 'redis'])(
    'of %s restarts no agent, and all is attached within 3 s of its being back',
    async (daemon) => {
      const killed = await mesh.pidOf(daemon);

      process.kill(killed, 'SIGKILL');
      await mesh.untilBack(daemon, killed);
      let seen: unknown;
      await until(
        'every node is alive, current, and the store is up',
        async () => {
          const status = await mesh.status().catch(() => undefined);
          seen = status;
          return (
            status?.mesh.store.state === 'up' &&
            status.nodes.every((node) => node.state === 'alive' && node.isCurrent)
          );
        },
        { withinMs: attachedWithinMs },
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${JSON.stringify(seen, null, 1)}`);
      });

      await expectSamePids();
    },
  );

  it('of mesh up leaves everything running; the next one takes over what lives', async () => {
    const daemons = await Promise.all(
      ['main-node', 'main-pc', 'pc2', 'redis'].map((daemon) => mesh.pidOf(daemon)),
    );

    mesh.killUp();
    await expectSamePids();
    await mesh.up();

    expect(
      await Promise.all(
        ['main-node', 'main-pc', 'pc2', 'redis'].map((daemon) => mesh.pidOf(daemon)),
      ),
    ).toEqual(daemons);
    await expectSamePids();
  });

  it('of an agent restarts that agent only, and counts one crash', async () => {
    const victim = pidIn(before, 'p-two.0');

    process.kill(victim, 'SIGKILL');
    await until(
      'p-two has a new process',
      async () => {
        const row = (await mesh.status()).agents.find((agent) => agent.instance === 'p-two.0');
        return row?.state === 'ready' && row.pid !== victim;
      },
      { withinMs: 10_000 },
    );

    const now = await expectSamePids(['p-two.0']);
    expect(now.get('p-two.0')).toMatchObject({ crashes: 1, lastExit: { signal: 'SIGKILL' } });
    before = now;
  });

  it('of the main node during applies loses no acknowledged change', async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const killed = await mesh.pidOf('main-node');
      const applying = Array.from({ length: 4 }, async (_, index) => {
        const act = index % 2 === 0 ? 'stop' : 'start';
        const result = await mesh.mesh('agent', act, 's-two');
        if (result.code === 0) acknowledged.push(act);
      });
      process.kill(killed, 'SIGKILL');
      await Promise.all(applying);
      await mesh.untilBack('main-node', killed);
      await mesh.mesh('agent', 'start', 's-two');
      const last = await mesh.mesh('agent', 'stop', 's-two');
      expect(last.code).toBe(0);
      const again = await mesh.pidOf('main-node');
      process.kill(again, 'SIGKILL');
      await mesh.untilBack('main-node', again);

      const row = await until(
        'the main node answers',
        async () =>
          (await mesh.status().catch(() => undefined))?.agents.find(
            (agent) => agent.name === 's-two',
          ),
        { withinMs: 10_000 },
      );
      expect(row.desired).toBe('stop');
    }
    await mesh.mesh('agent', 'start', 's-two');
    before = new Map([
      ...before,
      ...[...(await mesh.untilReady({ agents: 4 }))].filter(([id]) => id === 's-two.0'),
    ]);
    await expectSamePids();
  });
});

describe('a second mesh up', () => {
  it('beside a living one says so and changes nothing', async () => {
    const second = await mesh.mesh('up');

    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/MESH_LOCK_HELD/);
    await expectSamePids();
  });
});

describe('mesh down', () => {
  it('in the middle of a daemon’s start leaves no process of it', async () => {
    const small = await startRealMesh();
    try {
      process.kill(await small.pidOf('main-node'), 'SIGKILL');
      await until('it is started again', () => small.upOutput().includes('main node ended'));
    } finally {
      // Fails when anything is left.
      await small.stop();
    }
  }, 60_000);

  it('after every daemon was killed ends what they left running', async () => {
    const small = await startRealMesh();
    try {
      await small.apply({ fleet: 'left', agents: { left: { command: ['sleep', '600'] } } });
      await small.untilReady();
      small.killUp();
      for (const daemon of ['main-node', 'main-pc'])
        process.kill(await small.pidOf(daemon), 'SIGKILL');
    } finally {
      await small.stop();
    }
  }, 60_000);
});
