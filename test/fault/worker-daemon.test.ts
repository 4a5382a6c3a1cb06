/** What happens to a worker node's own process, with real agents under it. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBootId } from '@meshwork/platform';
import { createWorkerRig, findLeftProcesses, until, type WorkerRig } from '@meshwork/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let rig: WorkerRig;
beforeEach(async () => {
  rig = await createWorkerRig();
});
afterEach(() => rig.stop());

/** How soon all must be attached after the daemon is back (P4), ms. */
const attachedWithinMs = 3_000;
const witness = (name: string) => ({
  spec: {
    command: ['sh', '-c', `echo $$$$ >>${name}; while :; do sleep 1; done`],
    cwd: rig.dir,
  },
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

async function startWith(...names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  await rig.start();
  rig.assign(Object.fromEntries(names.map((name) => [name, witness(name)])));
  const pids = new Map<string, number>();
  for (const name of names) pids.set(name, (await rig.untilState(name, 'ready')).pid!);
  return pids;
}

describe('kill -9 of a worker node', () => {
  it('restarts no agent, and all are adopted within 3 s of its being back', async () => {
    const pids = await startWith('a', 'b', 'c');

    await rig.kill('SIGKILL');
    await rig.start();

    for (const [name, pid] of pids) {
      const back = await rig.untilReport(
        name,
        'is ready again',
        ({ state, startedAtMs }) => state === 'ready' && startedAtMs !== undefined,
        attachedWithinMs,
      );
      expect(back).toMatchObject({ pid, restarts: 0, crashes: 0 });
      expect(await lines(name)).toHaveLength(1);
    }
    expect(
      rig.hellos.filter(({ role }) => role === 'node').map((peer) => peer.incarnation),
    ).toEqual([1, 2]);
  });

  it('counts the end of an agent that came meanwhile once, also when it dies again', async () => {
    const pids = await startWith('a', 'b');

    await rig.kill('SIGKILL');
    process.kill(pids.get('a')!, 'SIGKILL');
    await rig.start();
    const again = await rig.untilReport(
      'a',
      'runs again',
      ({ pid, state }) => state === 'ready' && pid !== pids.get('a'),
    );
    await rig.kill('SIGKILL');
    await rig.start();
    const still = await rig.untilState('a', 'ready');

    expect(again).toMatchObject({
      crashes: 1,
      restarts: 1,
      lastExit: { signal: 'SIGKILL', evidence: 'shim' },
    });
    expect(still).toMatchObject({ crashes: 1, restarts: 1, pid: again.pid });
    expect(rig.report('b')).toMatchObject({ pid: pids.get('b'), restarts: 0 });
  });

  it.each([1, 2, 3])(
    'while it starts run %i of 3 leaves neither two of an agent nor none',
    async (count) => {
      await rig.start();
      rig.assign({ a: witness('a'), b: witness('b'), c: witness('c') });
      await until('so many runs are begun', async () => {
        const names = await readdir(join(rig.dir, 'node/runs')).catch(() => []);
        return names.length >= count;
      });

      await rig.kill('SIGKILL');
      await rig.start();
      for (const name of ['a', 'b', 'c']) await rig.untilState(name, 'ready');

      for (const name of ['a', 'b', 'c']) {
        const alive = (await lines(name)).map(Number).filter(isAlive);
        expect(alive).toEqual([rig.report(name)?.pid]);
        expect(rig.report(name)).toMatchObject({ crashes: 0 });
      }
    },
  );
});

describe('the end of a worker node', () => {
  it('by SIGTERM leaves its agents running, and the next one has them', async () => {
    const pids = await startWith('a');

    expect(await rig.kill('SIGTERM')).toBe(0);
    expect(isAlive(pids.get('a')!)).toBe(true);
    await rig.start();

    const back = await rig.untilState('a', 'ready', attachedWithinMs);
    expect(back).toMatchObject({ pid: pids.get('a'), restarts: 0 });
  });

  it('by SIGUSR2 ends its agents, dependants first, and leaves no process', async () => {
    await rig.start();
    const logs = (name: string, dependsOn: readonly string[] = []) => ({
      spec: {
        command: [
          'sh',
          '-c',
          `trap 'echo ${name} >>witness; exit 0' TERM; while :; do sleep 0.05; done`,
        ],
        cwd: rig.dir,
        start: { dependsOn },
      },
    });
    rig.assign({ a: logs('a'), b: logs('b', ['a']), c: logs('c', ['b']) });
    await rig.untilState('c', 'ready');

    expect(await rig.kill('SIGUSR2')).toBe(0);

    expect(await lines('witness')).toEqual(['c', 'b', 'a']);
    expect(findLeftProcesses(rig.dir)).toEqual([]);
  });

  it('comes at once by a second SIGTERM, while it still waits for its agents', async () => {
    await rig.start();
    const stubborn = {
      command: ['sh', '-c', `trap '' TERM; while :; do sleep 0.05; done`],
      stop: { grace: '60s' },
    };
    rig.assign({ a: { spec: stubborn } });
    const { pid } = await rig.untilState('a', 'ready');
    const ended = rig.kill('SIGUSR2');
    await until('it is draining', () => rig.output().includes('"to":"stopping"'));

    await Promise.all([rig.kill('SIGTERM'), ended]);
    expect(isAlive(pid!)).toBe(true);
  });

  it('does not follow from SIGHUP', async () => {
    const pids = await startWith('a');

    process.kill(
      JSON.parse(await readFile(join(rig.dir, 'node/lock.json'), 'utf8')).process.pid,
      'SIGHUP',
    );
    rig.assign({ a: witness('a'), b: witness('b') });
    await rig.untilState('b', 'ready');

    expect(rig.report('a')).toMatchObject({ pid: pids.get('a') });
  });
});

describe('a worker node alone', () => {
  it('starts what its last assignment says', async () => {
    await startWith('a');
    await rig.kill('SIGUSR2');
    await rig.hub.stop(new AbortController().signal);

    await rig.start();

    await until('the agent was started again', async () => (await lines('a')).length === 2, {
      withinMs: 10_000,
    });
  });

  it('starts nothing from a torn assignment, adopts what lives, and obeys the main node again', async () => {
    const pids = await startWith('a');
    await rig.kill('SIGKILL');
    const path = join(rig.dir, 'node/assignment.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, text.length / 2));

    await rig.start();

    const back = await rig.untilState('a', 'ready', attachedWithinMs);
    expect(back).toMatchObject({ pid: pids.get('a'), restarts: 0 });
    expect(rig.output()).toContain('damaged');
  });
});

describe('another main node', () => {
  it('with an empty store stops nothing: what it does not know runs on as unclaimed until it is told to stop', async () => {
    const pids = await startWith('a', 'b');

    rig.assign({}, { mesh: 'b'.repeat(32), term: 2, revision: 1 });
    const a = await rig.untilState('a', 'unclaimed');
    expect(a).toMatchObject({ pid: pids.get('a'), restarts: 0 });
    process.kill(pids.get('a')!, 'SIGKILL');
    const again = await rig.untilReport(
      'a',
      'is looked after',
      ({ crashes, pid }) => crashes === 1 && pid !== undefined,
    );
    await rig.kill('SIGKILL');
    await rig.start();

    const sticky = await rig.untilReport(
      'a',
      'is unclaimed',
      ({ state, pid }) => state === 'unclaimed' && pid === again.pid,
    );
    expect(sticky.reason).toContain('mesh agent adopt');
    expect(rig.report('b')).toMatchObject({ state: 'unclaimed', pid: pids.get('b'), restarts: 0 });
  });

  it('of a lower term is not obeyed', async () => {
    const pids = await startWith('a');
    rig.assign({ a: witness('a') }, { term: 3, revision: 2 });
    rig.assign({}, { term: 2, revision: 9 });
    rig.assign({ a: witness('a'), b: witness('b') }, { term: 3, revision: 3 });

    await rig.untilState('b', 'ready');

    expect(rig.report('a')).toMatchObject({ pid: pids.get('a'), state: 'ready' });
  });
});

describe('a reboot', () => {
  it('adopts nothing by mistake, counts nothing as a crash, and starts everything', async () => {
    const pids = await startWith('a', 'b');
    await rig.kill('SIGKILL');
    // What a reboot leaves: the same files of another boot. The old processes stand for strangers with their pids.
    const runs = await readdir(join(rig.dir, 'node/runs'));
    for (const name of [...runs.map((run) => `runs/${run}`), 'instances.log']) {
      const path = join(rig.dir, 'node', name);
      const text = await readFile(path, 'utf8');
      await writeFile(path, text.replaceAll(readBootId(), '00000000-0000-4000-8000-000000000000'));
    }

    await rig.start();

    for (const [name, pid] of pids) {
      const fresh = await rig.untilState(name, 'ready');
      expect(fresh.pid).not.toBe(pid);
      expect(fresh).toMatchObject({ crashes: 0 });
      expect(isAlive(pid)).toBe(true);
      process.kill(pid, 'SIGKILL');
    }
  });
});
