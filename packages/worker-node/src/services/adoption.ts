import type { Clock, LastExit, Logger, Random, Run } from '@meshwork/shared';
import { claimedPart, createInstanceState } from '../core/instance-state.ts';
import { decodeLaunchTag, type LaunchTag } from '../core/launch-tag.ts';
import { createInstance, type Instance } from './instance.ts';
import type { InstanceTable } from './instance-table.ts';

/** What adoption needs from outside. */
export interface AdoptionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly table: InstanceTable;
  bind(instance: Instance, run: Run, launch: number): void;
  /** Opens the link of a run that an earlier daemon started; never rejects. */
  openLink(instance: Instance): Promise<void>;
}

/**
 * Matches what an earlier daemon left running, or ended, to the instances that this one knows.
 *
 * Called once, before anything is launched. Runs that nobody told this node about go on as unclaimed instances, which are
 * returned. Each exit counts for its launch only, so a daemon that dies in here counts nothing twice.
 */
export async function adoptRuns(
  runs: readonly Run[],
  deps: AdoptionDeps,
): Promise<readonly Instance[]> {
  const taken: Instance[] = [];
  for (const run of runs) {
    const tag = decodeLaunchTag(run.tag);
    if (tag === undefined || tag.assigned.instance !== run.id) {
      deps.logger.error(
        { run: run.id, pid: run.pid },
        'a run without a readable tag is left alone',
      );
      continue;
    }
    let instance = deps.table.all.get(tag.assigned.instance);
    if (instance === undefined) {
      if (run.ended) {
        await discard(run);
        continue;
      }
      instance = createUnclaimed(tag, deps.clock.boot());
      deps.table.add(instance);
      taken.push(instance);
    }
    await adopt(instance, run, tag, deps);
  }
  for (const instance of deps.table.all.values()) {
    if (claimedPart(instance.state).status !== 'unknown') continue;
    const exit: LastExit = { evidence: 'gone', atMs: deps.clock.now() };
    deps.table.apply(instance, { type: 'missing', exit, jitter: deps.random.next() });
  }
  return taken;
}

async function adopt(
  instance: Instance,
  run: Run,
  tag: LaunchTag,
  deps: AdoptionDeps,
): Promise<void> {
  const { clock, random, table } = deps;
  const { launch, ranAs, ports } = tag;
  const exit = run.ended ? await run.exit : undefined;
  // Of another boot: what it was, and how it ended, is over.
  if (exit?.evidence === 'other-boot') return discard(run);
  const inner = claimedPart(instance.state);
  if (inner.status !== 'unknown') {
    // Ended, counted, and the daemon died before it swept; or the daemon died before it wrote down the launch.
    if (launch <= inner.history.launches) return discard(run);
    const sinceMs = clock.boot();
    const found = {
      status: 'unknown',
      sinceMs,
      history: inner.history,
      launch,
      was: 'alive',
    } as const;
    instance.state =
      instance.state.status === 'unclaimed' ? { ...instance.state, inner: found } : found;
  }
  instance.ranAs = ranAs;
  instance.ranEpoch = tag.assigned.epoch;
  instance.ranNonce = tag.assigned.nonce;
  instance.ports = ports;
  instance.autoPorts = { ...autoOf(tag), ...instance.autoPorts };
  instance.run = run;
  if (exit !== undefined) {
    table.apply(instance, { type: 'exited', launch, exit, jitter: random.next() });
    return;
  }
  const ageMs = Math.max(0, clock.now() - run.startedAtMs);
  table.apply(instance, { type: 'found', launch, startedMs: clock.boot() - ageMs });
  deps.bind(instance, run, launch);
  await deps.openLink(instance);
}

/** Where the record of picked ports is lost, the run still knows them. */
function autoOf(tag: LaunchTag): Readonly<Record<string, number>> {
  const declared = tag.assigned.spec.ports;
  return Object.fromEntries(
    Object.entries(tag.ports).filter(([name]) => declared[name] === 'auto'),
  );
}

function createUnclaimed(tag: LaunchTag, nowMs: number): Instance {
  const { history } = createInstanceState(nowMs);
  const inner = {
    status: 'unknown',
    sinceMs: nowMs,
    history,
    launch: tag.launch,
    was: 'alive',
  } as const;
  return createInstance(tag.assigned, {
    claim: 'unclaimed',
    state: { status: 'unclaimed', sinceMs: nowMs, inner },
    ranAs: tag.ranAs,
  });
}

async function discard(run: Run): Promise<void> {
  await run.end({ signal: 'SIGTERM', graceMs: 0 });
  if (run.ended) await run.forget();
}
