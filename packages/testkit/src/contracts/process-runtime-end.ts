import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { isThere, type ProcessRuntimeWorld } from './process-runtime-world.ts';

/** How ends are told, and how trees are ended. */
export function describeEnd(world: ProcessRuntimeWorld): void {
  describe('an end', () => {
    it('is told with its exit code when the program ends at once', async () => {
      const run = await world.launch(world.shell('exit 3'));
      const exit = await run.exit;
      expect(exit).toMatchObject({ code: 3, evidence: 'shim' });
      expect(exit).not.toHaveProperty('signal');
      expect(Math.abs(exit.atMs - Date.now())).toBeLessThan(5_000);
    });

    it.each(['SIGTERM', 'SIGKILL', 'SIGSEGV', 'SIGUSR1'])(
      'is told with its signal when %s ended the program',
      async (signal) => {
        const run = await world.launch(world.shell(`kill -${signal.slice(3)} $$`));
        const exit = await run.exit;
        expect(exit).toMatchObject(
          world.isSureOfSignals
            ? { signal, evidence: 'shim' }
            : { signal, code: expect.any(Number), evidence: 'shim-either' },
        );
        expect('code' in exit).toBe(!world.isSureOfSignals);
      },
    );

    it('is told with the code 143 when a program chose it, and not as SIGTERM alone', async () => {
      const run = await world.launch(world.shell('exit 143'));
      const exit = await run.exit;
      expect(exit).toMatchObject(
        world.isSureOfSignals
          ? { code: 143, evidence: 'shim' }
          : { code: 143, signal: 'SIGTERM', evidence: 'shim-either' },
      );
      expect('signal' in exit).toBe(!world.isSureOfSignals);
    });

    it('is told as open where it cannot be known: 130 is an exit code and SIGINT', async () => {
      const run = await world.launch(world.shell('exit 130'));
      expect(await run.exit).toMatchObject({
        code: 130,
        signal: 'SIGINT',
        evidence: 'shim-either',
      });
    });
  });

  describe('ending a tree', () => {
    it('takes the first signal for a program that minds it', async () => {
      const run = await world.launch(
        world.shell('trap "exit 7" TERM; echo >up; while :; do sleep 0.01; done'),
      );
      await world.written('up');
      const end = await run.end({ signal: 'SIGTERM', graceMs: 5_000 });
      expect(end).toMatchObject({ exit: { code: 7, evidence: 'shim' }, killed: 0, left: [] });
    });

    it('kills a program that ignores SIGTERM after its grace, not before', async () => {
      const run = await world.launch(
        world.shell('trap "" TERM; echo >up; while :; do sleep 0.01; done'),
      );
      await world.written('up');
      const beforeMs = performance.now();
      const end = await run.end({ signal: 'SIGTERM', graceMs: 300 });
      expect(performance.now() - beforeMs).toBeGreaterThanOrEqual(299);
      expect(end).toMatchObject({ exit: { signal: 'SIGKILL' }, left: [] });
      expect(end.killed).toBeGreaterThanOrEqual(1);
    });

    it('reaches a child that forked twice into a session of its own', async () => {
      const run = await world.launch(
        world.shell('(setsid sh -c "echo \\$\\$ >child; exec sleep 1000" &) ; sleep 1000'),
      );
      const child = Number(await world.written('child'));
      await run.end({ signal: 'SIGTERM', graceMs: 2_000 });
      expect(isThere(child)).toBe(false);
    });

    it('reaches what a program left behind when it exited', async () => {
      const run = await world.launch(
        world.shell(
          'setsid sh -c "echo \\$\\$ >child; exec sleep 1000" & while [ ! -s child ]; do :; done; exit 0',
        ),
      );
      await run.exit;
      const child = Number(await world.written('child'));
      expect(isThere(child)).toBe(true);
      const end = await run.end({ signal: 'SIGTERM', graceMs: 2_000 });
      expect(end).toMatchObject({ exit: { code: 0 }, signalled: 1, killed: 0, left: [] });
      expect(isThere(child)).toBe(false);
    });

    it('lets a stopped program act on the signal', async () => {
      const run = await world.launch(
        world.shell('trap "exit 7" TERM; echo >up; while :; do sleep 0.01; done'),
      );
      await world.written('up');
      await run.signal('SIGSTOP', 'tree');
      const end = await run.end({ signal: 'SIGTERM', graceMs: 5_000 });
      expect(end).toMatchObject({ exit: { code: 7 }, killed: 0 });
    });

    it('is joined by a second call, which can shorten the grace', async () => {
      const run = await world.launch(
        world.shell('trap "" TERM; echo >up; while :; do sleep 0.01; done'),
      );
      await world.written('up');
      const first = run.end({ signal: 'SIGTERM', graceMs: 60_000 });
      const second = run.end({ signal: 'SIGTERM', graceMs: 50 });
      expect(await second).toMatchObject({ exit: { signal: 'SIGKILL' }, left: [] });
      expect(await first).toEqual(await second);
    });

    it('stops early when it is told to, and leaves the program as it is', async () => {
      const run = await world.launch(
        world.shell('trap "" TERM; echo >up; while :; do sleep 0.01; done'),
      );
      await world.written('up');
      const end = await run.end({
        signal: 'SIGTERM',
        graceMs: 60_000,
        abort: AbortSignal.timeout(50),
      });
      expect(end.left).toContain(run.pid);
      expect(run.ended).toBe(false);
    });
  });

  describe('a signal', () => {
    it('goes to the program alone or to its tree', async () => {
      const run = await world.launch(
        world.shell(
          'sh -c "trap \\"echo child >>got\\" USR1; echo >child; while :; do sleep 0.01; done" & trap "echo main >>got" USR1; echo >main; while :; do sleep 0.01; done',
        ),
      );
      await world.written('main');
      await world.written('child');
      expect(await run.signal('SIGUSR1', 'main')).toBe('sent');
      await until('the program got it', () => existsSync(world.path('got')));
      expect(readFileSync(world.path('got'), 'utf8')).toBe('main\n');
      // Its sleeps are of the tree too, and end of it: the shells go on.
      expect(await run.signal('SIGUSR1', 'tree')).toBe('sent');
      await until('both got it', () => /child/.test(readFileSync(world.path('got'), 'utf8')));
    });

    it('is answered with gone when the program has ended', async () => {
      const run = await world.launch(world.shell('exit 0'));
      await run.exit;
      expect(await run.signal('SIGTERM', 'main')).toBe('gone');
      expect(await run.signal('SIGTERM', 'tree')).toBe('gone');
    });
  });
}
