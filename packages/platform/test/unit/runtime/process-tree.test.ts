import { describe, expect, it } from 'vitest';
import type { ProcStat } from '../../../src/runtime/proc.ts';
import type { ProcessTable } from '../../../src/runtime/process-table.ts';
import { findTree, type TreeIdentity } from '../../../src/runtime/process-tree.ts';

interface Row {
  readonly pid: number;
  readonly parent?: number;
  readonly session?: number;
  readonly startTicks?: number;
  readonly cookie?: string;
  readonly output?: string;
}

/** The run of these tests: program 20 in a session of its own, shim 10 with pump 11 and its head 12. */
const KEEPERS: readonly Row[] = [
  { pid: 10, session: 10, startTicks: 100, cookie: 'ours' },
  { pid: 11, parent: 10, session: 10, cookie: 'ours' },
  { pid: 12, parent: 11, session: 10 },
];
const MAIN: Row = { pid: 20, parent: 10, session: 20, startTicks: 101, cookie: 'ours' };
const identity: TreeIdentity = {
  cookie: 'ours',
  sinceTicks: 101,
  main: { pid: 20, startTicks: 101 },
  output: 'pipe:[1]',
  keeperSession: 10,
};

function tree(rows: readonly Row[], of: TreeIdentity = identity): number[] {
  const stats = rows.map((row): ProcStat => ({
    pid: row.pid,
    state: 'S',
    parent: row.parent ?? 1,
    session: row.session ?? row.pid,
    startTicks: row.startTicks ?? 200,
  }));
  const find = (pid: number): Row | undefined => rows.find((row) => row.pid === pid);
  const table: ProcessTable = {
    candidates: () => stats,
    has: (pid) => find(pid) !== undefined,
    cookieOf: (pid) => find(pid)?.cookie,
    writesTo: (pid, target) => find(pid)?.output === target,
  };
  return findTree(table, of)
    .map(({ pid }) => pid)
    .toSorted((a, b) => a - b);
}

describe('the tree of a run', () => {
  it('is the program with its descendants, and not shim and pump', () => {
    const child = { pid: 21, parent: 20, session: 20 };
    expect(tree([...KEEPERS, MAIN, child, { pid: 22, parent: 21, session: 22 }])).toEqual([
      20, 21, 22,
    ]);
  });

  it('holds what forked twice with the cookie, and what that started, in whatever order they are listed', () => {
    const orphan = { pid: 31, cookie: 'ours' };
    expect(tree([{ pid: 30, parent: 31 }, orphan, ...KEEPERS, MAIN])).toEqual([20, 30, 31]);
  });

  it('holds what lost cookie and parents but is in a session of its own program', () => {
    expect(tree([...KEEPERS, MAIN, { pid: 30, session: 20 }])).toEqual([20, 30]);
    const led = { pid: 31, session: 30 };
    expect(tree([led, ...KEEPERS, MAIN, { pid: 30, parent: 20 }])).toEqual([20, 30, 31]);
  });

  it('holds what kept nothing but the output', () => {
    expect(tree([...KEEPERS, MAIN, { pid: 30, output: 'pipe:[1]' }])).toEqual([20, 30]);
    expect(tree([...KEEPERS, MAIN, { pid: 30, output: 'pipe:[2]' }])).toEqual([20]);
  });

  it('still holds what the program left behind when that has gone', () => {
    expect(
      tree([
        { pid: 30, session: 20 },
        { pid: 31, cookie: 'ours' },
      ]),
    ).toEqual([30, 31]);
  });

  it('leaves alone what carries another run’s cookie, and what that started', () => {
    const foreign = { pid: 40, parent: 20, cookie: 'theirs' };
    expect(tree([...KEEPERS, MAIN, foreign, { pid: 41, parent: 40 }])).toEqual([20]);
  });

  it('leaves alone the neighbours of what carries its cookie in a session that somebody else leads', () => {
    const stray = { pid: 40, session: 5, cookie: 'ours' };
    const rows = [...KEEPERS, MAIN, { pid: 5, startTicks: 1 }, stray, { pid: 41, session: 5 }];
    expect(tree(rows)).toEqual([20, 40]);
  });

  it('leaves alone a session whose leader got the pid of the program that ended', () => {
    const later = { pid: 20, session: 20, startTicks: 500 };
    expect(tree([later, { pid: 41, session: 20 }])).toEqual([]);
  });

  it('leaves alone what has a pid of ours and started at another time', () => {
    const later = { ...MAIN, startTicks: 500, cookie: 'theirs' };
    expect(tree([later])).toEqual([]);
  });

  it('holds the program while it is still in its shim’s session', () => {
    expect(tree([...KEEPERS, { ...MAIN, session: 10 }])).toEqual([20]);
  });

  it('holds shim and pump too when they are to be ended with it', () => {
    const { cookie, sinceTicks } = identity;
    expect(tree([...KEEPERS, MAIN], { cookie, sinceTicks })).toEqual([10, 11, 12, 20]);
  });
});
