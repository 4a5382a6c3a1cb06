import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Gives back the memory that loading and compiling needed: about 20 MB of each thread that calls it, in some 20 ms.
 *
 * Worth it in a daemon that starts programs: the system copies its page tables at each start, so half the memory is nearly
 * half the time of a start (seen: 50 starts in 200 ms from a small process, in 410 ms with 150 MB more).
 */
export function trimHeap(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: {
    readonly type: 'major';
    readonly execution: 'sync';
    readonly flavor: 'last-resort';
  }) => void;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
