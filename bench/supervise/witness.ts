import { chmodSync, mkdirSync, statSync, watch, writeFileSync, type FSWatcher } from 'node:fs';
import { join } from 'node:path';

/** Programs that each append a line to a file of their own, and somebody who sees when. */
export interface Witnesses {
  readonly count: number;
  /** The program: `/bin/sh SCRIPT FILE`. */
  argv(index: number): readonly string[];
  /** Resolves when this program has written its next line, or rejects after 30 s. Asked before the line can come. */
  next(index: number): Promise<void>;
  /** Resolves when each has written one more line. */
  nextOfAll(): Promise<void>;
  close(): void;
}

const LATEST_MS = 30_000;

/** Makes `count` programs under `dir`. Each writes its line first, then sleeps in the same process. */
export function createWitnesses(dir: string, count: number): Witnesses {
  mkdirSync(dir, { recursive: true });
  const script = join(dir, 'witness.sh');
  writeFileSync(script, '#!/bin/sh\necho "$$" >>"$1"\nexec sleep 100000\n');
  chmodSync(script, 0o755);
  const files = Array.from({ length: count }, (_, index) => join(dir, `w${index}`));
  for (const file of files) writeFileSync(file, '');
  const looks = new Set<() => void>();
  // The kernel tells of every write at once, for us and for the peer alike.
  const watcher: FSWatcher = watch(dir, () => {
    for (const look of looks) look();
  });

  function next(index: number): Promise<void> {
    const file = files[index] ?? '';
    const before = statSync(file).size;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        looks.delete(look);
        reject(new Error(`program ${index} wrote no line within ${LATEST_MS} ms`));
      }, LATEST_MS);
      const look = (): void => {
        if (statSync(file).size === before) return;
        clearTimeout(timer);
        looks.delete(look);
        resolve();
      };
      looks.add(look);
    });
  }

  return {
    count,
    argv: (index) => ['/bin/sh', script, files[index] ?? ''],
    next,
    async nextOfAll() {
      await Promise.all(files.map((_, index) => next(index)));
    },
    close: () => watcher.close(),
  };
}

/** Median of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
