import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createTableReader, toNewPidTest } from '../../../src/runtime/process-table.ts';
import { readProcStat } from '../../../src/runtime/proc.ts';

describe('whether a pid was given out again', () => {
  const at = (count: number, last: number) => ({ count, last });

  it.each([
    ['inside what was given out since', at(100, 50), at(110, 60), 55, true],
    ['the last before', at(100, 50), at(110, 60), 50, false],
    ['the last now', at(100, 50), at(110, 60), 60, true],
    ['outside', at(100, 50), at(110, 60), 61, false],
    ['behind the end of the circle', at(100, 32_760), at(120, 312), 32_761, true],
    ['at its beginning', at(100, 32_760), at(120, 312), 301, true],
    ['between', at(100, 32_760), at(120, 312), 400, false],
    ['too many since', at(100, 50), at(20_100, 60), 5_000, true],
    ['never looked', at(Number.NaN, Number.NaN), at(100, 50), 10, true],
    ['nobody counts', at(100, 50), at(Number.NaN, 60), 10, true],
  ])('%s', (_, before, now, pid, expected) => {
    expect(toNewPidTest(before, now)(pid)).toBe(expected);
  });
});

describe('a table of processes', () => {
  it('names each run only its own and what nobody is known to own, also the second time', async () => {
    const start = (cookie: string) =>
      spawn('sleep', ['60'], { env: { ...process.env, MESH_RUN_COOKIE: cookie }, stdio: 'ignore' });
    const [ours, theirs] = [start('table-ours'), start('table-theirs')];
    try {
      await Promise.all([once(ours, 'spawn'), once(theirs, 'spawn')]);
      const since = readProcStat(ours.pid!)!.startTicks;
      const readTable = createTableReader();
      for (let time = 0; time < 2; time += 1) {
        const table = await readTable();
        const pids = table.candidates('table-ours', since).map((stat) => stat.pid);
        expect(pids).toContain(ours.pid);
        expect(pids).not.toContain(theirs.pid);
        expect(pids).not.toContain(process.pid);
      }
    } finally {
      const ended = [once(ours, 'exit'), once(theirs, 'exit')];
      ours.kill('SIGKILL');
      theirs.kill('SIGKILL');
      await Promise.all(ended);
    }
  });

  it('is read once for all who ask in the same turn, and anew in the next', async () => {
    const readTable = createTableReader();
    const [first, second] = await Promise.all([readTable(), readTable()]);
    expect(second).toBe(first);
    expect(await readTable()).not.toBe(first);
  });
});
