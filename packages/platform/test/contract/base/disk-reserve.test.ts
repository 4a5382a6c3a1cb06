import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@meshwork/shared';
import { itNeeds, mountSmallDisk, until, type SmallDisk } from '@meshwork/testkit';
import { afterEach, beforeEach, expect } from 'vitest';
import { createDiskReserve, giveUpReserve } from '../../../src/base/disk-reserve.ts';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import { writeFileDurable } from '../../../src/base/write-file-durable.ts';

const MiB = 1_048_576;
const never = new AbortController().signal;

let root: string;
let disk: SmallDisk;
let dir: string;
let said: string[];
const endings: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mesh-reserve-'));
  said = [];
});
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
  await rm(root, { recursive: true });
});

const say = (_: unknown, message: string): void => void said.push(message);
const logger: Logger = { debug: say, info: say, warn: say, error: say, child: () => logger };

async function startReserve() {
  disk = await mountSmallDisk(join(root, 'disk'), 6 * MiB);
  endings.push(() => disk.remove());
  dir = join(root, 'disk', 'data');
  await mkdir(dir);
  const reserve = createDiskReserve(dir, { clock: createSystemClock(), logger });
  await reserve.start(never);
  endings.push(() => reserve.stop(never));
  return reserve;
}

itNeeds(
  ['mount'],
  'a daemon on a full disk still writes what little it must, and says that it is full',
  async () => {
    const reserve = await startReserve();
    expect(reserve.isFull).toBe(false);

    disk.fill();
    await until('the reserve is given up', () => reserve.isFull);

    for (let file = 0; file < 20; file += 1)
      await writeFileDurable(join(dir, `state-${file}`), 'x'.repeat(4_096));
    expect(said).toEqual(['disk is full: output of agents is cut, the node goes on']);
    await disk.free();
    await until('it is laid by again', () => !reserve.isFull);
    expect(said.at(-1)).toBe('disk has space again');
  },
);

itNeeds(
  ['mount'],
  'a daemon that starts on a full disk has the reserve of the one before it',
  async () => {
    const before = await startReserve();
    await before.stop(never);
    disk.fill();
    await expect(writeFile(join(dir, 'lock.json'), 'x'.repeat(4_096))).rejects.toThrow(/ENOSPC/);

    await giveUpReserve(dir);

    await writeFileDurable(join(dir, 'lock.json'), 'x'.repeat(4_096));
  },
);
