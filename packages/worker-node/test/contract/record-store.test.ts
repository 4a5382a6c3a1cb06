import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstanceId, Logger } from '@meshwork/shared';
import { itNeeds, mountSmallDisk, type SmallDisk } from '@meshwork/testkit';
import { afterEach, beforeEach, expect } from 'vitest';
import type { InstanceRecord } from '../../src/core/instance-record.ts';
import { openRecordStore } from '../../src/machine/record-store.ts';

let dir: string;
let disk: SmallDisk | undefined;
const said: string[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'records-'));
});
afterEach(async () => {
  await disk?.remove();
  await rm(dir, { recursive: true });
});

const say = (_: unknown, message: string): void => void said.push(message);
const logger: Logger = { debug: say, info: say, warn: say, error: say, child: () => logger };
const a = 'a.0' as InstanceId;
const b = 'b.0' as InstanceId;
const record = (crashes: number): InstanceRecord => ({
  bootId: 'boot',
  doing: 'alive',
  unclaimed: false,
  sinceMs: 1,
  launch: 1,
  history: { launches: 1, crashes, streak: crashes, ends: crashes },
  autoPorts: {},
});

itNeeds(
  ['mount'],
  'counters of instances that a full disk cut off are all there again with the first that fits',
  async () => {
    disk = await mountSmallDisk(join(dir, 'disk'), 256 * 1024);
    const path = join(dir, 'disk', 'instances.log');
    const store = openRecordStore(path, logger);
    store.save(b, record(7));
    disk.fill();
    let crashes = 0;
    const saveUntilFull = (): void => {
      for (;;) store.save(a, record((crashes += 1)));
    };
    expect(saveUntilFull).toThrow(/ENOSPC/);
    expect(saveUntilFull).toThrow(/ENOSPC/);

    await disk.free();
    store.save(b, record(8));
    store.close();

    const next = openRecordStore(path, logger);
    next.close();
    expect(next.load()).toEqual(
      new Map([
        [b, record(8)],
        [a, record(crashes)],
      ]),
    );
    expect(said).toEqual([]);
  },
);
