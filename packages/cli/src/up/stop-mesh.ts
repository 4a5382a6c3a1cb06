import {
  createProcessRuntime,
  createSystemRandom,
  isSameProcess,
  readLock,
  type LockHolder,
} from '@meshwork/platform';
import type { Clock, Logger } from '@meshwork/shared';
import { countOf } from '../output/format.ts';
import type { DaemonPlan } from './daemon-plan.ts';

/** How long a daemon may take to stop its agents before it is killed and they are ended without it, ms. */
const drainWithinMs = 60_000;

/** What stopping needs. `say` tells the person who waits. */
export interface StopDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly say: (line: string) => void;
}

/**
 * Stops daemons and all they own, in the given order, and leaves no process.
 *
 * A living daemon drains itself (agents in reverse order of start; the main node its Redis last). What a dead one left
 * behind is adopted here and ended. Safe to repeat and after any crash.
 */
export async function stopDaemons(plans: readonly DaemonPlan[], deps: StopDeps): Promise<void> {
  const workers = plans.filter((plan) => plan.title !== 'main node');
  await Promise.all(workers.map((plan) => stopOne(plan, deps)));
  for (const plan of plans.filter((candidate) => !workers.includes(candidate)))
    await stopOne(plan, deps);
}

async function stopOne(plan: DaemonPlan, deps: StopDeps): Promise<void> {
  const holder = readLock(plan.dir);
  if (holder !== undefined) {
    deps.say(`stopping ${plan.title} and what it runs`);
    process.kill(holder.process.pid, 'SIGUSR2');
    if (!(await hasEnded(holder, drainWithinMs, deps.clock))) {
      deps.say(`${plan.title} does not stop; ending it (pid ${holder.process.pid})`);
      if (isSameProcess(holder.process)) process.kill(holder.process.pid, 'SIGKILL');
      await hasEnded(holder, 5000, deps.clock);
    }
  }
  await endLeftRuns(plan, deps);
}

/** Ends what a daemon that is gone left running: nobody else may do that while a daemon lives. */
async function endLeftRuns(plan: DaemonPlan, deps: StopDeps): Promise<void> {
  const { clock, logger, say } = deps;
  const runtime = createProcessRuntime(
    { dir: plan.runs },
    { clock, logger, random: createSystemRandom() },
  );
  const never = new AbortController().signal;
  await runtime.start(never);
  try {
    const left = await runtime.adopt();
    const alive = left.filter((run) => !run.ended).length;
    if (alive > 0) say(`ending ${countOf(alive, 'program')} left by ${plan.title}`);
    await Promise.all(
      left.map(async (run) => {
        const tree = await run.end({ signal: 'SIGTERM', graceMs: 10_000 });
        if (tree.left.length === 0) await run.forget();
        else say(`${run.id} cannot be ended: pids ${tree.left.join(', ')} are stuck in the kernel`);
      }),
    );
  } finally {
    await runtime.stop(never);
  }
}

async function hasEnded(holder: LockHolder, withinMs: number, clock: Clock): Promise<boolean> {
  const untilMs = clock.monotonic() + withinMs;
  const never = new AbortController().signal;
  while (isSameProcess(holder.process)) {
    if (clock.monotonic() >= untilMs) return false;
    await clock.sleep(50, never);
  }
  return true;
}
