import { readFile, rename, rm } from 'node:fs/promises';
import type { Clock, Logger } from '@meshwork/shared';
import { discardRun } from './discard-run.ts';
import { isAlive, type ProcId } from './proc.ts';
import type { ProcessTable } from './process-table.ts';
import { readRecord, type StartedRecord } from './run.ts';
import type { RunRecord } from './run-file.ts';

/** Where a run file is and which machine this is now. */
export interface AdoptOptions {
  readonly path: string;
  readonly bootId: string;
  readonly pidNamespace: string;
}

/** What adoption needs from outside. */
export interface AdoptDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readTable(): Promise<ProcessTable>;
}

/** Added to the name of a run file while it is decided whether its shim ever began. */
export const ASIDE_SUFFIX = '.aside';

/** A shim that is alive starts its program within ms; one that cannot is given up. */
const START_LIMIT_MS = 2_000;
const LOOK_MS = 10;

/**
 * Takes over the file of one run; undefined when no program ever began, in which case nothing of the run is left.
 *
 * That a daemon died in the middle of a launch is settled here: before the shim began, its file is taken away and the shim,
 * which looks after it has written its first line, starts nothing; after that, the shim is waited for.
 */
export async function adoptRun(
  options: AdoptOptions,
  deps: AdoptDeps,
): Promise<StartedRecord | undefined> {
  const { path } = options;
  const record = readRecord(path);
  if (record?.main !== undefined) return { ...record, main: record.main };
  if (record === undefined) {
    // Cut off while the first line was written: the shim is started after that. Or written by a release we cannot read.
    const text = await readFile(path, 'utf8');
    if (text.includes('\n'))
      deps.logger.error({ path }, 'a run file cannot be read and is left alone');
    else await rm(path, { force: true });
    return undefined;
  }
  const isHere =
    record.header.bootId === options.bootId && record.header.pidNamespace === options.pidNamespace;
  if (!isHere) {
    await rm(path, { force: true });
    return undefined;
  }
  // Without its file, a shim that has yet to write its first line starts nothing; one that has written it shows now.
  const aside = `${path}${ASIDE_SUFFIX}`;
  await rename(path, aside);
  const begun = readRecord(aside) ?? record;
  if (begun.shim === undefined) {
    await discardRun(aside, begun, deps);
    return undefined;
  }
  await rename(aside, path);
  const latest = await waitForProgram(path, begun, begun.shim, deps);
  if (latest.main !== undefined) return { ...latest, main: latest.main };
  deps.logger.info({ path }, 'a launch that was cut off is undone');
  await discardRun(path, latest, deps);
  return undefined;
}

async function waitForProgram(
  path: string,
  first: RunRecord,
  shim: ProcId,
  deps: AdoptDeps,
): Promise<RunRecord> {
  const never = new AbortController().signal;
  const limitMs = deps.clock.monotonic() + START_LIMIT_MS;
  let record = first;
  let isWaiting = true;
  while (isWaiting && record.main === undefined && deps.clock.monotonic() < limitMs) {
    // Looked at before the record: what a shim wrote just before it went must be seen.
    isWaiting = isAlive(shim);
    await deps.clock.sleep(LOOK_MS, never);
    record = readRecord(path) ?? record;
  }
  return record;
}
