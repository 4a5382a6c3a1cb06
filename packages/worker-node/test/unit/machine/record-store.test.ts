import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstanceId, Logger } from '@meshwork/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstanceRecord } from '../../../src/core/instance-record.ts';
import { openRecordStore } from '../../../src/machine/record-store.ts';

let dir: string;
let path: string;
let said: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'records-'));
  path = join(dir, 'node', 'instances.log');
  said = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

const say = (_: unknown, message: string): void => {
  said.push(message);
};
const logger: Logger = { debug: say, info: say, warn: say, error: say, child: () => logger };
const id = (name: string) => name as InstanceId;
const record = (crashes: number): InstanceRecord => ({
  bootId: 'boot',
  doing: 'alive',
  unclaimed: false,
  sinceMs: 1,
  launch: 1,
  history: { launches: 1, crashes, streak: crashes, ends: crashes },
  autoPorts: {},
});

/** What a daemon that starts now would find. */
function reopen(): ReadonlyMap<InstanceId, InstanceRecord> {
  const store = openRecordStore(path, logger);
  store.close();
  return store.load();
}

describe('counters of instances', () => {
  it('are there after the death of the daemon, the latest of each', () => {
    const store = openRecordStore(path, logger);
    store.save(id('a.0'), record(1));
    store.save(id('b.0'), record(0));
    store.save(id('a.0'), record(2));
    store.save(id('c.0'), record(0));
    store.remove(id('c.0'));
    store.close();

    expect(reopen()).toEqual(
      new Map([
        ['a.0', record(2)],
        ['b.0', record(0)],
      ]),
    );
    expect(reopen().size).toBe(2);
    expect(said).toEqual([]);
  });

  it('lose only the torn end of their file', () => {
    const store = openRecordStore(path, logger);
    store.save(id('a.0'), record(1));
    store.close();
    appendFileSync(path, '{"instance":"a.0","record":{"boo');

    expect(reopen()).toEqual(new Map([['a.0', record(1)]]));
    expect(said).toEqual(['counters of an instance cannot be read']);
  });

  it('begin anew, and say so, in a file that is something else', () => {
    const store = openRecordStore(path, logger);
    store.close();
    writeFileSync(path, '{"format":"other"}\n{"instance":"a.0"}\n');

    expect(reopen().size).toBe(0);
    expect(said).toEqual(['counters of instances cannot be read and begin anew']);
  });

  it('take at most 1 MiB and a little, however often they change', () => {
    const store = openRecordStore(path, logger);
    for (let crash = 0; crash < 8_000; crash += 1) store.save(id('a.0'), record(crash));
    store.close();

    expect(statSync(path).size).toBeLessThan(1_100_000);
    expect(readFileSync(path, 'utf8').split('\n').length).toBeLessThan(8_000);
    expect(reopen()).toEqual(new Map([['a.0', record(7_999)]]));
  });
});
