import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  findLeftProcesses,
  isThere,
  pickForRun,
  until,
  useProcessRuntimeWorld,
} from '@meshwork/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { readBootId } from '../../../src/base/process-identity.ts';
import { createProcessRuntime } from '../../../src/runtime/create-process-runtime.ts';
import { readPidNamespace } from '../../../src/runtime/proc.ts';
import { encodeRunHeader } from '../../../src/runtime/run-file.ts';
import { createTestDeps } from './test-deps.ts';

describe('adoption', () => {
  let bootId: string | undefined;
  let bystander: ChildProcess | undefined;
  const world = useProcessRuntimeWorld({
    create: (dir) =>
      createProcessRuntime(
        { dir },
        { ...createTestDeps(), ...(bootId === undefined ? {} : { bootId }) },
      ),
    isSureOfSignals: true,
  });
  const runFile = (): string => world.path('../runs/agent.0.run');

  afterEach(async () => {
    bootId = undefined;
    if (bystander === undefined) return;
    const ended = bystander.signalCode === null && once(bystander, 'exit');
    bystander.kill('SIGKILL');
    await ended;
    bystander = undefined;
  });

  async function startBystander(env: NodeJS.ProcessEnv): Promise<number> {
    bystander = spawn('sleep', ['1000'], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: 'ignore',
    });
    await once(bystander, 'spawn');
    return bystander.pid!;
  }

  /** A record as an earlier daemon and its shim would have left it. */
  function writeRecord(lines: readonly string[], cookie = 'c0ffee'): void {
    const log = { dir: world.path('../log'), segmentBytes: 65_536, maxSegments: 4 };
    const header = {
      id: 'agent.0',
      cookie,
      bootId: readBootId(),
      pidNamespace: readPidNamespace(),
      isShellOutspoken: true,
    };
    writeFileSync(runFile(), encodeRunHeader({ ...header, tag: { agent: 'agent' }, log }));
    writeFileSync(runFile(), lines.map((line) => `${line}\n`).join(''), { flag: 'a' });
  }

  const statOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'latin1').trim();
  /** The stat line of a process that had the same pid and started earlier. */
  const statOfEarlier = (pid: number): string => {
    const fields = statOf(pid).split(' ');
    fields[21] = String(Number(fields[21]) - 1);
    return fields.join(' ');
  };

  it('calls a run gone when its pid belongs to a later process, and does not signal that', async () => {
    const pid = await startBystander({});
    writeRecord([`shim ${statOfEarlier(pid)}`, `main ${statOfEarlier(pid)}`]);
    const [adopted] = await world.succeed();
    expect(await adopted!.exit).toMatchObject({ evidence: 'gone' });
    expect(await adopted!.signal('SIGKILL', 'main')).toBe('gone');
    expect(await adopted!.signal('SIGKILL', 'tree')).toBe('gone');
    expect(await adopted!.end({ signal: 'SIGKILL', graceMs: 0 })).toMatchObject({ killed: 0 });
    expect(isThere(pid)).toBe(true);
  });

  it('does not signal a process that carries another run’s cookie', async () => {
    const pid = await startBystander({ MESH_RUN_COOKIE: 'another' });
    writeRecord([`main ${statOf(pid)}`]);
    const [adopted] = await world.succeed();
    expect(await adopted!.signal('SIGKILL', 'main')).toBe('gone');
    expect(isThere(pid)).toBe(true);
  });

  it('after a reboot takes every run as ended, and signals nothing', async () => {
    const run = await world.launch(world.shell('sleep 1000'));
    bootId = '00000000-0000-0000-0000-000000000000';
    const [adopted] = await world.succeed();
    expect(adopted).toMatchObject({ id: 'agent.0', tag: { agent: 'agent' }, ended: true });
    expect(await adopted!.exit).toMatchObject({ evidence: 'other-boot' });
    expect(await adopted!.signal('SIGKILL', 'tree')).toBe('gone');
    expect(await adopted!.end({ signal: 'SIGKILL', graceMs: 0 })).toMatchObject({ signalled: 0 });
    expect(isThere(run.pid)).toBe(true);
  });

  it('undoes a launch that was cut off before the shim began', async () => {
    writeRecord([]);
    expect(await world.succeed()).toEqual([]);
    expect(readdirSync(world.path('../runs'))).toEqual([]);
  });

  it('undoes a launch that was cut off before the program began, with all that had begun', async () => {
    const pid = await startBystander({ MESH_RUN_COOKIE: 'c0ffee' });
    writeRecord([`shim ${statOfEarlier(pid)}`]);
    expect(await world.succeed()).toEqual([]);
    await until('what carried the cookie is ended', () => !isThere(pid));
    expect(readdirSync(world.path('../runs'))).toEqual([]);
  });

  it('waits for a shim that is about to start its program', async () => {
    await world.retire();
    const script = `read -r stat </proc/self/stat
      sleep 0.2
      echo "main $stat" >>"$1"
      exec sleep 1000`;
    bystander = spawn('sh', ['-c', script, 'sh', runFile()], {
      env: { PATH: process.env['PATH'], MESH_RUN_COOKIE: 'c0ffee' },
    });
    writeRecord([`shim ${statOf(bystander.pid!)}`]);
    const [adopted] = await world.succeed();
    expect(adopted).toMatchObject({ pid: bystander.pid, ended: false });
  });

  it('removes a record that was cut off in its first line: nothing was started then', async () => {
    writeFileSync(runFile(), '{"format":"meshwork-run","vers');
    expect(await world.succeed()).toEqual([]);
    expect(existsSync(runFile())).toBe(false);
  });

  it('leaves a record alone that it cannot read, for a release that can', async () => {
    writeFileSync(runFile(), '{"format":"meshwork-run","version":99}\n');
    expect(await world.succeed()).toEqual([]);
    expect(existsSync(runFile())).toBe(true);
  });

  it('finds 20 runs at once, each with its own end', async () => {
    const ids = Array.from({ length: 20 }, (_, number) => `agent.${number}`);
    for (const [number, id] of ids.entries()) {
      const script = `while [ ! -e go ]; do sleep 0.05; done; exit ${number}`;
      await world.launch(
        world.shell(script, {
          id,
          log: { dir: world.path(`../log/${id}`), segmentBytes: 65_536, maxSegments: 2 },
        }),
      );
    }
    const adopted = await world.succeed();
    writeFileSync(world.path('go'), '');
    const codes = await Promise.all(adopted.map(async (run) => [run.id, (await run.exit).code]));
    expect(new Map(codes as [string, number][])).toEqual(
      new Map(ids.map((id, number) => [id, number])),
    );
  });

  const killAfterMs = pickForRun({ short: [1, 4, 9, 15, 40], long: range(0, 120) });
  it.each(killAfterMs)(
    'finds all of what a daemon started that was killed %d ms after it began to launch',
    async (ms) => {
      const fixture = join(import.meta.dirname, '../../fixtures/launch-many.ts');
      const daemon = spawn(process.execPath, [fixture, world.path('..')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(daemon.stdout, 'data');
      // The moment is what is tried here; nothing is waited for.
      await delay(ms);
      const ended = once(daemon, 'exit');
      daemon.kill('SIGKILL');
      await ended;

      const adopted = await world.succeed();
      const programs = new Set(adopted.map((run) => run.pid));
      await until('exactly the programs that were adopted run', () => {
        const sleeping = findLeftProcesses(world.path('..')).filter(
          ({ command }) => command === '/usr/bin/sleep 1000',
        );
        return sleeping.length === programs.size && sleeping.every(({ pid }) => programs.has(pid));
      });
      for (const run of adopted) {
        await run.end({ signal: 'SIGTERM', graceMs: 1_000 });
        await run.forget();
      }
      expect(findLeftProcesses(world.path('..'))).toEqual([]);
      expect(readdirSync(world.path('../runs'))).toEqual([]);
    },
  );
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
