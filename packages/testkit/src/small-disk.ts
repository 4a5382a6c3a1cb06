import { execFile } from 'node:child_process';
import { appendFileSync, statfsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A small file system of its own in a folder. */
export interface SmallDisk {
  /** Takes every byte that is left; somebody else's file. */
  fill(): void;
  /** Gives back what `fill` took. */
  free(): Promise<void>;
  freeBytes(): number;
  /** Takes it away; what is on it is gone. */
  remove(): Promise<void>;
}

/** Puts a small disk into `dir`, which is made. Needs root; see `itNeeds(['mount'])`. */
export async function mountSmallDisk(dir: string, bytes: number): Promise<SmallDisk> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', dir]);
  const filler = join(dir, 'somebody-elses-file');
  return {
    fill() {
      for (const size of [1_048_576, 4_096, 1]) fillBy(filler, size);
    },
    free: () => rm(filler, { force: true }),
    freeBytes() {
      const { bavail, bsize } = statfsSync(dir);
      return bavail * bsize;
    },
    async remove() {
      await run('umount', ['--lazy', dir]);
    },
  };
}

/** Appends until not one more piece of this size goes in. */
function fillBy(path: string, size: number): void {
  const piece = Buffer.alloc(size, 0xa5);
  try {
    for (;;) appendFileSync(path, piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
