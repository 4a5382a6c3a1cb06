import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { describeEnd } from './process-runtime-end.ts';
import { describeLaunch } from './process-runtime-launch.ts';
import {
  atOnce,
  isThere,
  useProcessRuntimeWorld,
  type ProcessRuntimeSubject,
} from './process-runtime-world.ts';

/** What every process runtime promises, whatever it is made of. */
export function describeProcessRuntime(name: string, subject: ProcessRuntimeSubject): void {
  describe(`process runtime: ${name}`, () => {
    const world = useProcessRuntimeWorld(subject);
    describeLaunch(world);
    describeEnd(world);

    describe('the next daemon', () => {
      it('adopts a living run with its tag, pid and start, and gets its later exit code', async () => {
        const run = await world.launch(
          world.shell('while [ ! -e go ]; do sleep 0.01; done; exit 9'),
        );
        const [adopted, ...others] = await world.succeed();
        expect(others).toEqual([]);
        expect(adopted).toMatchObject({
          id: run.id,
          tag: { agent: 'agent', epoch: '3.1' },
          pid: run.pid,
          adopted: true,
          ended: false,
        });
        expect(Math.abs((adopted?.startedAtMs ?? 0) - run.startedAtMs)).toBeLessThan(100);
        writeFileSync(world.path('go'), '');
        expect(await adopted?.exit).toMatchObject({ code: 9, evidence: 'shim' });
      });

      it('learns an exit that happened while nobody watched', async () => {
        const run = await world.launch(
          world.shell('while [ ! -e go ]; do sleep 0.01; done; exit 9'),
        );
        await world.retire();
        writeFileSync(world.path('go'), '');
        await until('the program ended', () => !isThere(run.pid));
        const [adopted] = await world.succeed();
        expect(await adopted?.exit).toMatchObject({ code: 9, evidence: 'shim' });
      });

      it('ends a tree that an earlier one started', async () => {
        await world.launch(
          world.shell('(setsid sh -c "echo \\$\\$ >child; exec sleep 1000" &) ; sleep 1000'),
        );
        const child = Number(await world.written('child'));
        const [adopted] = await world.succeed();
        const end = await adopted?.end({ signal: 'SIGTERM', graceMs: 2_000 });
        expect(end).toMatchObject({ exit: { signal: 'SIGTERM' }, left: [] });
        expect(isThere(child)).toBe(false);
      });

      it('adopts nothing that was forgotten', async () => {
        const run = await world.launch(world.shell('exit 0'));
        await run.exit;
        await run.end(atOnce);
        await run.forget();
        expect(await world.succeed()).toEqual([]);
      });
    });
  });
}
