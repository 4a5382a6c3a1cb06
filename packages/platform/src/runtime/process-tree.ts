import {
  readAllProcStats,
  readCookie,
  readDescriptor,
  type ProcId,
  type ProcStat,
} from './proc.ts';

/** All processes at one moment, and what tells whose they are. */
export interface ProcessTable {
  readonly stats: readonly ProcStat[];
  /** Run cookie of a process; undefined when its environment cannot be read or names none. */
  cookieOf(pid: number): string | undefined;
  /** Whether a process's standard output or error is open on this. */
  writesTo(pid: number, target: string): boolean;
}

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
 * Finds every process of a run: by cookie, by session, by descent, and by the output pipe.
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
  const open = table.stats.filter(
    (stat) =>
      stat.startTicks >= sinceTicks &&
      stat.pid !== process.pid &&
      (isMain(stat) || stat.session !== keeperSession) &&
      !isForeign(stat),
  );
  const found = new Map<number, ProcId>();
  const sessions = new Set(main === undefined ? [] : [main.pid]);
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const stat of open) {
      if (found.has(stat.pid)) continue;
      if (!isMarked(stat) && !found.has(stat.parent) && !sessions.has(stat.session)) continue;
      found.set(stat.pid, { pid: stat.pid, startTicks: stat.startTicks });
      if (stat.session !== keeperSession) sessions.add(stat.session);
    }
  }
  return [...found.values()];
}

/** Reads all processes now; what it costs more is read when asked for, once. */
export function readProcessTable(): ProcessTable {
  const cookies = new Map<number, string | undefined>();
  return {
    stats: readAllProcStats(),
    cookieOf(pid) {
      if (!cookies.has(pid)) cookies.set(pid, readCookie(pid));
      return cookies.get(pid);
    },
    writesTo: (pid, target) =>
      readDescriptor(pid, 1) === target || readDescriptor(pid, 2) === target,
  };
}
