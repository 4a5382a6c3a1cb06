import { describe, expect, it } from 'vitest';
import { isAlive, parseProcStat, readProcStat, toWallMs } from '../../../src/runtime/proc.ts';

const fields = 'S 7 8 9 0 -1 4194304 107 0 0 0 0 0 0 0 20 0 1 0 4242 2654208 401';

describe('a line of /proc/PID/stat', () => {
  it.each(['sh', 'a b', 'a) R 1', '(', ')', ') Z 1 (', '', 'ünïcode'])(
    'is read whatever the program calls itself: %j',
    (name) =>
      expect(parseProcStat(`12 (${name}) ${fields}\n`)).toEqual({
        pid: 12,
        state: 'S',
        parent: 7,
        session: 9,
        startTicks: 4242,
      }),
  );

  it.each(['', '12', '12 (sh', '12 (sh) S 7', 'x (sh) S'])('is none when it is %j', (text) =>
    expect(parseProcStat(text)).toBeUndefined(),
  );
});

describe('a process', () => {
  it('is itself, and not one that had its pid before', () => {
    const self = readProcStat(process.pid)!;
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ ...self, startTicks: self.startTicks - 1 })).toBe(false);
  });

  it('has a start on the wall clock', () => {
    const startedMs = toWallMs(readProcStat(process.pid)!.startTicks, Date.now());
    expect(Math.abs(startedMs - (Date.now() - process.uptime() * 1000))).toBeLessThan(1_000);
  });
});
