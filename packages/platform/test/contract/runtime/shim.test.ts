import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isThere, itNeeds, until, useProcessRuntimeWorld } from '@meshwork/testkit';
import { describe, expect, it } from 'vitest';
import { createProcessRuntime } from '../../../src/runtime/create-process-runtime.ts';
import { readDescriptor } from '../../../src/runtime/proc.ts';
import { readRecord } from '../../../src/runtime/run.ts';
import { encodeRunHeader, type RunRecord } from '../../../src/runtime/run-file.ts';
import { SHIM_SCRIPT } from '../../../src/runtime/shim-script.ts';
import { createTestDeps } from './test-deps.ts';

const none = new AbortController().signal;
const waitForGo = 'while [ ! -e go ]; do sleep 0.01; done; exit 9';

describe('the shim', () => {
  const world = useProcessRuntimeWorld({
    create: (dir) => createProcessRuntime({ dir }, createTestDeps()),
    isSureOfSignals: true,
  });
  const runFile = (): string => world.path('../runs/agent.0.run');
  const recordOf = (): RunRecord => readRecord(runFile())!;

  it('killed with SIGKILL leaves its program running; the end is noticed and told once, as unknown', async () => {
    const run = await world.launch(world.shell(waitForGo));
    let ends = 0;
    void run.exit.then(() => (ends += 1));
    process.kill(recordOf().shim!.pid, 'SIGKILL');
    await until('the shim is gone', () => !isThere(recordOf().shim!.pid));
    expect(isThere(run.pid)).toBe(true);
    expect(run.ended).toBe(false);
    writeFileSync(world.path('go'), '');
    const exit = await run.exit;
    expect(exit).toEqual({ evidence: 'gone', atMs: expect.any(Number) });
    expect(ends).toBe(1);
  });

  it('killed while no daemon lives leaves a program that the next one adopts, and can end', async () => {
    const run = await world.launch(
      world.shell('trap "exit 7" TERM; echo >up; while :; do sleep 0.01; done'),
    );
    await world.written('up');
    await world.retire();
    process.kill(recordOf().shim!.pid, 'SIGKILL');
    await until('the shim is gone', () => !isThere(recordOf().shim!.pid));
    const [adopted] = await world.succeed();
    expect(adopted).toMatchObject({ pid: run.pid, ended: false, adopted: true });
    const end = await adopted!.end({ signal: 'SIGTERM', graceMs: 5_000 });
    expect(end).toMatchObject({ exit: { evidence: 'gone' }, killed: 0, left: [] });
    expect(isThere(run.pid)).toBe(false);
  });

  it('goes on through every signal that asks it to end', async () => {
    const run = await world.launch(world.shell(waitForGo));
    const shim = recordOf().shim!.pid;
    for (const signal of [
      'SIGTERM',
      'SIGINT',
      'SIGHUP',
      'SIGQUIT',
      'SIGUSR1',
      'SIGUSR2',
    ] as const) {
      process.kill(shim, signal);
    }
    writeFileSync(world.path('go'), '');
    expect(await run.exit).toMatchObject({ code: 9, evidence: 'shim' });
  });

  it('that is stopped when its program ends is made to go on, and tells the exit', async () => {
    const run = await world.launch(world.shell(waitForGo));
    process.kill(recordOf().shim!.pid, 'SIGSTOP');
    writeFileSync(world.path('go'), '');
    expect(await run.exit).toMatchObject({ code: 9, evidence: 'shim' });
  });

  it('starts nothing when its record was taken away before it began', async () => {
    const header = {
      id: 'agent.0',
      cookie: 'c',
      bootId: 'b',
      pidNamespace: 'n',
      tag: {},
      isShellOutspoken: true,
    };
    const log = { dir: world.path('../log'), segmentBytes: 65_536, maxSegments: 4 };
    writeFileSync(runFile(), encodeRunHeader({ ...header, log }));
    rmSync(runFile());
    const shim = spawn('/bin/sh', [
      '-c',
      SHIM_SCRIPT,
      'mesh-shim',
      runFile(),
      ...Array.from({ length: 16 }, () => 'x'),
      'touch',
      world.path('started'),
    ]);
    await once(shim, 'exit');
    expect(existsSync(world.path('started'))).toBe(false);
  });

  it('holds nothing of its own open to the program: input is empty, output and error are one pipe', async () => {
    const run = await world.launch(world.shell('echo >up; while :; do sleep 0.01; done'));
    await world.written('up');
    const names = readdirSync(`/proc/${run.pid}/fd`);
    const open = new Map(names.map((fd) => [Number(fd), readDescriptor(run.pid, Number(fd))]));
    expect(open.get(0)).toBe('/dev/null');
    expect(open.get(1)).toMatch(/^pipe:/);
    expect(open.get(2)).toBe(open.get(1));
    const others = [...open].filter(([fd]) => fd > 2).map(([, target]) => target);
    expect(others).not.toContain(open.get(1));
    expect(others).not.toContain(runFile());
  });
});

describe('a full disk', () => {
  const world = useProcessRuntimeWorld({
    create: (dir) => createProcessRuntime({ dir }, createTestDeps()),
    isSureOfSignals: true,
  });

  itNeeds(
    ['root', 'linux'],
    'loses no exit of what runs, and refuses what is to start',
    async () => {
      const disk = world.path('../disk');
      mkdirSync(disk);
      execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      const runtime = createProcessRuntime({ dir: join(disk, 'runs') }, createTestDeps());
      try {
        await runtime.start(none);
        const run = await runtime.launch(world.shell(waitForGo));
        const full = () => writeFileSync(join(disk, 'full'), Buffer.alloc(128 * 1024));
        expect(full).toThrow('ENOSPC');
        const refused = runtime.launch(
          world.shell('exit 0', { id: 'agent.1', tag: { long: 'x'.repeat(9_000) } }),
        );
        await expect(refused).rejects.toMatchObject({
          code: 'MESH_SPAWN_FAILED',
          message: expect.stringContaining('ENOSPC'),
        });
        writeFileSync(world.path('go'), '');
        expect(await run.exit).toMatchObject({ code: 9, evidence: 'shim' });
        await run.end({ signal: 'SIGTERM', graceMs: 5_000 });
        await run.forget();
        expect(readdirSync(join(disk, 'runs'))).toEqual([]);
      } finally {
        await runtime.stop(none);
        execFileSync('/bin/umount', ['-l', disk]);
      }
    },
  );
});

describe('a daemon', () => {
  const world = useProcessRuntimeWorld({
    create: (dir) => createProcessRuntime({ dir }, createTestDeps()),
    isSureOfSignals: true,
  });

  async function startDaemon(
    script: string,
  ): Promise<{ readonly pid: number; readonly runPid: number }> {
    const fixture = join(import.meta.dirname, '../../fixtures/launch-and-wait.ts');
    const daemon = spawn(process.execPath, [fixture, world.path('..'), script], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(daemon.stdout), 'line')) as [string];
    const { pid: runPid } = JSON.parse(line) as { pid: number };
    return { pid: daemon.pid!, runPid };
  }

  it('killed with SIGKILL leaves its run, and the next one adopts it and gets its later exit code', async () => {
    const daemon = await startDaemon(`cd work; ${waitForGo}`);
    process.kill(daemon.pid, 'SIGKILL');
    await until('the daemon is gone', () => !isThere(daemon.pid));
    const [adopted] = await world.succeed();
    expect(adopted).toMatchObject({ pid: daemon.runPid, tag: { agent: 'agent' }, ended: false });
    writeFileSync(world.path('go'), '');
    expect(await adopted!.exit).toMatchObject({ code: 9, evidence: 'shim' });
  });

  it('whose process group gets SIGINT ends alone', async () => {
    const daemon = await startDaemon(`cd work; ${waitForGo}`);
    process.kill(-daemon.pid, 'SIGINT');
    await until('the daemon is gone', () => !isThere(daemon.pid));
    const [adopted] = await world.succeed();
    expect(isThere(daemon.runPid)).toBe(true);
    writeFileSync(world.path('go'), '');
    expect(await adopted!.exit).toMatchObject({ code: 9 });
  });
});
