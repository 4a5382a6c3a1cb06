import type { Clock } from '@meshwork/shared';
import { isAlive, readCookie, type ProcId } from './proc.ts';
import type { ProcessTable } from './process-table.ts';
import { findTree, type TreeIdentity } from './process-tree.ts';

/** What ending a tree needs. */
export interface EndTreeDeps {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  /** A table read after the call; ends of many runs at the same time share one. */
  readTable(): Promise<ProcessTable>;
}

/** How to end one; `identity` and `deadlineMs` are asked again each time, for both may change. */
export interface EndTreeOptions {
  identity(): TreeIdentity;
  readonly signal: NodeJS.Signals;
  /** On the monotonic clock: when SIGKILL follows. */
  deadlineMs(): number;
  readonly abort: AbortSignal;
}

/** What was needed. */
export interface EndedTree {
  readonly signalled: number;
  readonly killed: number;
  readonly left: readonly number[];
}

/** A process that is stuck in the kernel ends when the kernel lets it go; nobody waits for that longer than this. */
const KILL_LIMIT_MS = 10_000;
/** How often processes that were signalled are looked at: soon at first, for most end at once. */
const LOOKS_MS = [1, 2, 4, 8, 16, 32, 50];

/** Ends everything of a run: the signal once to each process, then SIGKILL until a look at all processes finds none. */
export async function endTree(options: EndTreeOptions, deps: EndTreeDeps): Promise<EndedTree> {
  const { clock } = deps;
  const find = async (): Promise<readonly ProcId[]> =>
    findTree(await deps.readTable(), options.identity());
  const signalled = new Set<number>();
  let members = await find();
  while (members.length > 0 && clock.monotonic() < options.deadlineMs() && !options.abort.aborted) {
    for (const member of members) {
      if (signalled.has(member.pid)) continue;
      signalled.add(member.pid);
      signalProcess(member, options.signal, options.identity().cookie);
      signalProcess(member, 'SIGCONT', options.identity().cookie);
    }
    await waitUntilGone(members, options.deadlineMs, options.abort, clock);
    members = await find();
  }
  const killed = new Set<number>();
  const limitMs = clock.monotonic() + KILL_LIMIT_MS;
  while (members.length > 0 && clock.monotonic() < limitMs && !options.abort.aborted) {
    for (const member of members) {
      killed.add(member.pid);
      signalProcess(member, 'SIGKILL', options.identity().cookie);
    }
    // Soon again: what a member started before it died is not in the list yet.
    const soonMs = clock.monotonic() + 200;
    await waitUntilGone(members, () => soonMs, options.abort, clock);
    members = await find();
  }
  return {
    signalled: signalled.size,
    killed: killed.size,
    left: members.map((member) => member.pid),
  };
}

/**
 * Signals one process after comparing what makes it that process; false when it is another one, or gone.
 *
 * Boot and pid namespace were compared at adoption and cannot change under a living daemon.
 */
export function signalProcess(id: ProcId, signal: NodeJS.Signals, cookie: string): boolean {
  if (!isAlive(id)) return false;
  if ((readCookie(id.pid) ?? cookie) !== cookie) return false;
  try {
    process.kill(id.pid, signal);
    return true;
  } catch (error) {
    // Gone in between, or started by our program as somebody else (setuid), which only that account or root may signal.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}

async function waitUntilGone(
  members: readonly ProcId[],
  deadlineMs: () => number,
  abort: AbortSignal,
  clock: Pick<Clock, 'monotonic' | 'sleep'>,
): Promise<void> {
  for (let look = 0; members.some(isAlive); look += 1) {
    const leftMs = deadlineMs() - clock.monotonic();
    if (leftMs <= 0) return;
    const pauseMs = LOOKS_MS[Math.min(look, LOOKS_MS.length - 1)] ?? 50;
    try {
      await clock.sleep(Math.min(pauseMs, leftMs), abort);
    } catch (error) {
      if (abort.aborted) return;
      throw error;
    }
  }
}
