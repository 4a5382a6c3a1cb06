/** What agents do to their worker node, with real processes: one test a fault of the list. */
import { createServer } from 'node:net';
import { chmod, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  createWorkerRig,
  findLeftProcesses,
  itNeeds,
  until,
  type WorkerRig,
} from '@meshwork/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let rig: WorkerRig;
beforeEach(async () => {
  rig = await createWorkerRig();
  await rig.start();
});
afterEach(() => rig.stop());

const sleeper = { command: ['sh', '-c', 'echo up; while :; do sleep 1; done'] };
const shell = (script: string, more: object = {}) => ({
  spec: { command: ['sh', '-c', script], cwd: rig.dir, ...more },
});
const lines = async (name: string): Promise<readonly string[]> =>
  (await readFile(join(rig.dir, name), 'utf8').catch(() => '')).split('\n').filter(Boolean);
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('an agent that', () => {
  it('is killed is started again at once, its crash counted once, and no other restarts', async () => {
    rig.assign({ a: { spec: sleeper }, b: { spec: sleeper } });
    const a = await rig.untilState('a', 'ready');
    const b = await rig.untilState('b', 'ready');

    process.kill(a.pid!, 'SIGKILL');

    const back = await rig.untilReport(
      'a',
      'is ready with another pid',
      ({ pid, state }) => state === 'ready' && pid !== a.pid,
    );
    expect(back).toMatchObject({
      crashes: 1,
      restarts: 1,
      lastExit: { signal: 'SIGKILL', evidence: 'shim' },
    });
    expect(rig.report('b')).toMatchObject({ pid: b.pid, restarts: 0, crashes: 0 });
  });

  it('loses its shim runs on, and its end is then one crash', async () => {
    rig.assign({ a: { spec: sleeper } });
    const a = await rig.untilState('a', 'ready');
    const shim = parentOf(await readFile(`/proc/${a.pid}/stat`, 'utf8'));

    process.kill(shim, 'SIGKILL');
    await until('the shim is gone', () => !isAlive(shim) || undefined);
    expect(isAlive(a.pid!)).toBe(true);
    process.kill(a.pid!, 'SIGKILL');

    const back = await rig.untilReport(
      'a',
      'is ready with another pid',
      ({ pid, state }) => state === 'ready' && pid !== a.pid,
    );
    expect(back).toMatchObject({ crashes: 1, restarts: 1, lastExit: { evidence: 'gone' } });
  });

  it('has no executable ends in a crash loop that names it, and starts nothing', async () => {
    rig.assign({ a: { spec: { command: ['no-such-program'], restart: { maxRestarts: 1 } } } });

    const a = await rig.untilState('a', 'crash-loop');

    expect(a.reason).toContain('"no-such-program" is not in PATH');
    expect(a).toMatchObject({ crashes: 2, restarts: 1 });
    expect(a.pid).toBeUndefined();
  });

  it('dies at once ends in a crash loop with its last lines, and an order tries again', async () => {
    const dying = shell('echo line >>witness; echo oh no >&2; exit 3', {
      restart: { maxRestarts: 2 },
    });
    rig.assign({ a: dying });
    const a = await rig.untilReport(
      'a',
      'loops and says why',
      ({ state, lastLines }) => state === 'crash-loop' && lastLines !== undefined,
    );
    expect(a).toMatchObject({ crashes: 3, lastExit: { code: 3, evidence: 'shim' } });
    expect(a.lastLines?.at(-1)).toBe('oh no');
    expect(await lines('witness')).toHaveLength(3);

    rig.assign({ a: { ...dying, nonce: 1 } });

    await rig.untilReport('a', 'loops again', ({ crashes }) => crashes === 6);
  });

  it('ends with 0 has ended and is not started again', async () => {
    rig.assign({
      a: shell('echo line >>witness'),
      b: { spec: { ...sleeper, start: { dependsOn: ['a'] } } },
    });

    const a = await rig.untilState('a', 'ended');
    await rig.untilState('b', 'ready');

    expect(a).toMatchObject({ crashes: 0, restarts: 0, lastExit: { code: 0 } });
    expect(await lines('witness')).toEqual(['line']);
  });

  it('ignores SIGTERM is killed with its whole tree after its grace', async () => {
    const script = `trap '' TERM; (trap '' TERM; echo child >>witness; while :; do sleep 1; done) & while :; do sleep 1; done`;
    const stubborn = shell(script, { stop: { grace: '300ms' } });
    rig.assign({ a: stubborn });
    await rig.untilState('a', 'ready');
    await until('its child runs', async () => (await lines('witness')).length === 1);

    rig.assign({ a: { ...stubborn, desired: 'stop' } });

    const a = await rig.untilState('a', 'stopped');
    expect(a).toMatchObject({ crashes: 0, lastExit: { signal: 'SIGKILL' } });
    expect(left()).toEqual([]);
  });

  it('forks twice loses what it left behind: ended with 0, and at its stop', async () => {
    const daemonizes = `(setsid sh -c 'echo $$$$ >>pid; exec sleep 1000' &) ; exit 0`;
    const leader = `(setsid sh -c 'echo $$$$ >>pid; exec sleep 1000' &) ; exec sleep 1000`;
    rig.assign({ a: shell(daemonizes), b: shell(leader) });
    await rig.untilState('a', 'ended');
    await rig.untilState('b', 'ready');
    const pids = await until('both wrote', async () => {
      const found = (await lines('pid')).map(Number);
      return found.length === 2 ? found : undefined;
    });

    rig.assign({ a: shell(daemonizes), b: { ...shell(leader), desired: 'stop' } });
    await rig.untilState('b', 'stopped');

    await until('nothing of them is left', () => pids.every((pid) => !isAlive(pid)) || undefined);
    expect(left()).toEqual([]);
  });

  it('reads an envFile that is gone, or open to others, is not started and says why', async () => {
    const path = join(rig.dir, 'agent.env');
    await writeFile(path, 'SECRET="a b"\n', { mode: 0o600 });
    const reads = (nonce: number) => ({
      a: {
        ...shell('echo "$SECRET" >>witness; exec sleep 1000', {
          envFile: path,
          restart: { maxRestarts: 1 },
        }),
        nonce,
      },
    });
    rig.assign(reads(0));
    await rig.untilState('a', 'ready');
    expect(await lines('witness')).toEqual(['a b']);

    await unlink(path);
    rig.assign(reads(1));
    const gone = await rig.untilState('a', 'crash-loop');
    await writeFile(path, 'SECRET=other\n', { mode: 0o644 });
    rig.assign(reads(2));
    const open = await rig.untilReport('a', 'loops again', ({ crashes }) => crashes === 4);

    expect(gone.reason).toContain(`the envFile ${path}: it does not exist`);
    expect(open.reason).toContain('others may read it');
    expect(JSON.stringify(open) + rig.output()).not.toContain('other\\n');
    expect(await lines('witness')).toEqual(['a b']);
  });

  it('finds its port taken by a stranger waits, names its pid, and starts when it is free', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    rig.assign({ a: { spec: { ...sleeper, ports: { http: port } } } });

    const waits = await rig.untilReport(
      'a',
      'names the holder',
      ({ reason }) => reason?.includes(`pid ${process.pid} `) === true,
    );
    await new Promise((resolve) => server.close(resolve));
    const a = await rig.untilState('a', 'ready');

    expect(waits).toMatchObject({ state: 'waiting', crashes: 0 });
    expect(waits.reason).toContain(`port ${port} (http)`);
    expect(a).toMatchObject({ restarts: 0, crashes: 0, ports: { http: port } });
  });
});

itNeeds(
  ['root', 'linux'],
  'an agent of another user has that user’s home, link and rights',
  async () => {
    // Temporary folders of tests are closed; a node's folder of links is not.
    for (const folder of [rig.dir, dirname(rig.dir)]) await chmod(folder, 0o711);
    const script = `id -un; echo "$HOME $USER"; cd "$(dirname "$\${MESH_LINK#ipc://}")" && ls link; echo done; exec sleep 1000`;
    rig.assign({ a: { spec: { command: ['sh', '-c', script], user: 'nobody', cwd: '/' } } });
    await rig.untilState('a', 'ready');

    const log = await readFile(join(rig.dir, 'node/logs/a.0/0.log'), 'utf8');

    expect(log.split('\n').slice(0, 4)).toEqual(['nobody', '/nonexistent nobody', 'link', 'done']);
  },
);

describe('order', () => {
  it('holds at the start until what is depended on is ready, and goes back at the stop', async () => {
    const logs = (name: string) =>
      `trap 'echo ${name} down >>witness; exit 0' TERM; echo ${name} up >>witness; while :; do sleep 0.05; done`;
    const all = (desired: 'run' | 'stop') => ({
      c: { ...shell(logs('c'), { start: { dependsOn: ['middle'] } }), desired },
      b: { ...shell(logs('b'), { start: { group: 'middle', dependsOn: ['a'] } }), desired },
      a: { ...shell(logs('a')), desired },
    });
    rig.assign(all('run'));
    expect((await rig.untilReport('b', 'waits', ({ reason }) => reason !== undefined)).reason).toBe(
      'waits for a',
    );
    await rig.untilState('c', 'ready');

    rig.assign(all('stop'));
    await rig.untilState('a', 'stopped');

    expect(await lines('witness')).toEqual(['a up', 'b up', 'c up', 'c down', 'b down', 'a down']);
  });

  it('changes a label, a probe and a restart policy without a restart', async () => {
    rig.assign({ a: { spec: sleeper } });
    const before = await rig.untilState('a', 'ready');

    rig.assign({
      a: { spec: { ...sleeper, labels: { team: 'x' }, restart: { policy: 'always' } } },
      b: { spec: sleeper },
    });
    await rig.untilState('b', 'ready');

    expect(rig.report('a')).toMatchObject({ pid: before.pid, restarts: 0, state: 'ready' });
  });

  it('keeps an auto port over restarts', async () => {
    const agent = (nonce: number) => ({
      a: {
        ...shell('echo "$MESH_PORT_HTTP" >>witness; exec sleep 1000', { ports: { http: 'auto' } }),
        nonce,
      },
    });
    rig.assign(agent(0));
    const first = await rig.untilState('a', 'ready');
    rig.assign(agent(1));
    const second = await rig.untilReport(
      'a',
      'is ready anew',
      ({ pid, state }) => state === 'ready' && pid !== first.pid,
    );

    expect(second.ports).toEqual(first.ports);
    expect(await lines('witness')).toEqual([
      String(first.ports['http']),
      String(first.ports['http']),
    ]);
  });
});

function parentOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Programs of agents: everything that works in the rig's folder but the daemon. */
function left(): readonly string[] {
  return findLeftProcesses(rig.dir)
    .filter(({ command }) => !command.includes('worker-node'))
    .map(({ command }) => command);
}
