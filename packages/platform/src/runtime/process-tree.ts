import type { ProcId, ProcStat } from './proc.ts';
import type { ProcessTable } from './process-table.ts';

/** What a run's processes have in common. */
export interface TreeIdentity {
  readonly cookie: string;
  /** Nothing of the run started before this. */
  readonly sinceTicks: number;
  /** The program itself, once it is known. */
  readonly main?: ProcId;
  /** The run's output pipe, e.g. `pipe:[123]`, where it is known: even a double-forked child with a new environment often holds it. */
  readonly output?: string;
  /** Session of shim and pump, which are ours and not the program's; absent: they are ended like the rest. */
  readonly keeperSession?: number;
}

/**
 * Finds every process of a run: by cookie, by session (that a process of the run leads), by descent, and by the output pipe.
 *
 * A process with another cookie is another run's, and so is what it started. What gave up all four (double fork with a new
 * session, a cleared environment and other outputs) is not found: that is the limit of `traced`.
 */
export function findTree(table: ProcessTable, identity: TreeIdentity): readonly ProcId[] {
  const { cookie, keeperSession, main, output, sinceTicks } = identity;
  const isMain = (stat: ProcStat): boolean =>
    stat.pid === main?.pid && stat.startTicks === main.startTicks;
  const isMarked = (stat: ProcStat): boolean =>
    isMain(stat) ||
    table.cookieOf(stat.pid) === cookie ||
    (output !== undefined && table.writesTo(stat.pid, output));
  const isForeign = (stat: ProcStat): boolean => (table.cookieOf(stat.pid) ?? cookie) !== cookie;

  // The program is in its shim's session for the moment before it gets its own.
  const open = table
    .candidates(cookie, sinceTicks)
    .filter((stat) => (isMain(stat) || stat.session !== keeperSession) && !isForeign(stat));
  const found = new Map<number, ProcId>();
  // A session is the run's when its leader is, or was: as long as it has a member, no other process gets the leader's pid.
  const isOwnSession = (session: number): boolean =>
    found.has(session) || (session === main?.pid && !table.has(session));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const stat of open) {
      if (found.has(stat.pid)) continue;
      if (isMarked(stat) || found.has(stat.parent) || isOwnSession(stat.session)) {
        found.set(stat.pid, { pid: stat.pid, startTicks: stat.startTicks });
      }
    }
  }
  return [...found.values()];
}
