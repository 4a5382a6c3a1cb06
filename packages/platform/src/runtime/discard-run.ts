import { rm } from 'node:fs/promises';
import type { Clock } from '@meshwork/shared';
import { endTree, signalProcess } from './end-tree.ts';
import type { ProcessTable } from './process-table.ts';
import type { RunRecord } from './run-file.ts';

/**
 * Ends whatever has begun of a run that never got as far as a program, shim and pump included, and removes its file.
 *
 * The shim goes first: it could start the program while we look for it.
 */
export async function discardRun(
  path: string,
  record: RunRecord,
  deps: { readonly clock: Clock; readTable(): Promise<ProcessTable> },
): Promise<void> {
  const { cookie } = record.header;
  if (record.shim !== undefined) signalProcess(record.shim, 'SIGKILL', cookie);
  await endTree(
    {
      identity: () => ({ cookie, sinceTicks: record.shim?.startTicks ?? 0 }),
      signal: 'SIGKILL',
      deadlineMs: () => deps.clock.monotonic(),
      abort: new AbortController().signal,
    },
    deps,
  );
  await rm(path, { force: true });
}
