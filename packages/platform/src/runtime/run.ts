import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { MeshError, type Clock, type Run, type RunExit, type TreeEnd } from '@meshwork/shared';
import { endKeepers } from './end-keepers.ts';
import { endTree, signalProcess, type EndedTree } from './end-tree.ts';
import { isAlive, readDescriptor, toWallMs, type ProcStat } from './proc.ts';
import type { ProcessTable } from './process-table.ts';
import { findTree, type TreeIdentity } from './process-tree.ts';
import { mendPump } from './mend-pump.ts';
import { parseRunFile, type RunRecord } from './run-file.ts';
import type { ShellTools } from './shell-tools.ts';

/** A record whose program exists, or existed. */
export type StartedRecord = RunRecord & { readonly main: ProcStat };

/** What a run needs of its runtime. */
export interface RunDeps {
  readonly clock: Clock;
  readTable(): Promise<ProcessTable>;
  /** Ends what is still being ended. */
  readonly stopping: AbortSignal;
  /** The run is forgotten: its id is free. */
  onForgotten(): void;
}

/** A run as its runtime sees it. */
export interface WatchedRun extends Run {
  /** Takes note of what has changed on disk and in the process table. Called whenever that may have happened. */
  look(): void;
  /** The same, now and then: also makes a shim go on that was stopped, and cannot say how its program ended. */
  tend(): void;
  /** Whether its shim is gone while the program lives: then only looking often notices the end. */
  readonly isBare: boolean;
  /** Whether its pump was killed while the program lives. */
  readonly needsPump: boolean;
  /** Replaces a pump that was killed, so that the program does not have to wait for a reader of its output. */
  mend(table: ProcessTable, tools: ShellTools): void;
}

/** How often a shim is made to go on that was stopped when its program ended, before nothing is expected of it any more. */
const MAX_STUCK_TIMES = 3;

/** Binds one recorded run to its processes. `isHere` is false for a run of another boot or pid namespace: it has ended. */
export function createRun(
  options: {
    readonly path: string;
    readonly record: StartedRecord;
    readonly adopted: boolean;
    readonly isHere: boolean;
  },
  deps: RunDeps,
): WatchedRun {
  const { path, adopted } = options;
  const { clock } = deps;
  const { header, main } = options.record;
  const exit = Promise.withResolvers<RunExit>();
  let record: RunRecord = options.record;
  let ended: RunExit | undefined;
  let isBare = false;
  let stuckTimes = 0;
  let output: string | undefined;
  let ending: { deadlineMs: number; readonly done: Promise<TreeEnd> } | undefined;

  function finish(found: RunExit): void {
    if (ended !== undefined) return;
    ended = found;
    isBare = false;
    exit.resolve(found);
  }

  /** Reads the record again; true when it has the exit. */
  function hasRecordedExit(): boolean {
    record = readRecord(path) ?? record;
    if (record.exit === undefined) return false;
    finish({ ...record.exit, atMs: changedAtMs(path) ?? clock.now() });
    return true;
  }

  function look(): void {
    if (ended !== undefined) return;
    const { shim } = record;
    const isWaitedFor = shim !== undefined && isAlive(shim);
    const isRunning = isAlive(main);
    // In this order: what a shim wrote before it went, or its program before that, must be seen.
    if ((isWaitedFor && isRunning) || hasRecordedExit()) return;
    if (isWaitedFor) return;
    isBare = isRunning;
    if (!isRunning) finish({ evidence: 'gone', atMs: clock.now() });
  }

  function tend(): void {
    look();
    const { shim } = record;
    if (ended !== undefined || isBare || shim === undefined) return;
    stuckTimes = isAlive(main) ? 0 : stuckTimes + 1;
    if (stuckTimes > MAX_STUCK_TIMES) finish({ evidence: 'gone', atMs: clock.now() });
    else if (stuckTimes > 0) signalProcess(shim, 'SIGCONT', header.cookie);
  }

  function identity(): TreeIdentity {
    const { shim, pump } = record;
    if (output === undefined && shim !== undefined && isAlive(shim)) {
      output = readDescriptor(shim.pid, 5);
    }
    if (output === undefined && pump !== undefined && isAlive(pump)) {
      output = readDescriptor(pump.pid, 0);
    }
    return {
      cookie: header.cookie,
      sinceTicks: main.startTicks,
      main,
      ...(output === undefined ? {} : { output }),
      ...(shim === undefined ? {} : { keeperSession: shim.pid }),
    };
  }

  async function endAll(
    signal: NodeJS.Signals,
    deadlineMs: () => number,
    abort: AbortSignal,
  ): Promise<TreeEnd> {
    const tree = await endTree({ identity, signal, deadlineMs, abort }, deps);
    if (tree.left.length === 0 && !abort.aborted) {
      const latest = (): RunRecord => (record = readRecord(path) ?? record);
      await endKeepers({ readRecord: latest, exit: exit.promise, look, abort }, deps);
    }
    return toTreeEnd(tree, ended);
  }

  return {
    id: header.id,
    tag: header.tag,
    pid: main.pid,
    startedAtMs: options.isHere ? toWallMs(main.startTicks, clock.now()) : (changedAtMs(path) ?? 0),
    containment: 'traced',
    adopted,
    get ended() {
      return ended !== undefined;
    },
    get isBare() {
      return isBare;
    },
    exit: exit.promise,
    get needsPump() {
      if (ended !== undefined || isBare || ending !== undefined || !options.isHere) return false;
      if (record.pump !== undefined && isAlive(record.pump)) return false;
      record = readRecord(path) ?? record;
      return record.pump !== undefined && !isAlive(record.pump);
    },
    tend: options.isHere ? tend : () => {},
    mend: (table, tools) => mendPump(path, record, table, tools),
    look: options.isHere
      ? look
      : () => finish({ evidence: 'other-boot', atMs: changedAtMs(path) ?? clock.now() }),
    async signal(name, scope) {
      const signal = toSignal(name);
      if (!options.isHere) return 'gone';
      const targets = scope === 'main' ? [main] : findTree(await deps.readTable(), identity());
      const sent = targets.filter((target) => signalProcess(target, signal, header.cookie));
      return sent.length > 0 ? 'sent' : 'gone';
    },
    end({ signal: name, graceMs, abort }) {
      const signal = toSignal(name);
      if (!options.isHere) return Promise.resolve(toTreeEnd(NOTHING, ended));
      const deadlineMs = clock.monotonic() + graceMs;
      if (ending !== undefined) {
        ending.deadlineMs = Math.min(ending.deadlineMs, deadlineMs);
        return ending.done;
      }
      const begun = { deadlineMs };
      const stop = abort === undefined ? deps.stopping : AbortSignal.any([abort, deps.stopping]);
      const done = endAll(signal, () => begun.deadlineMs, stop);
      ending = Object.assign(begun, { done: done.finally(() => (ending = undefined)) });
      return ending.done;
    },
    async forget() {
      assert(ended !== undefined, `run ${header.id} is alive: it must end before it is forgotten`);
      await rm(path, { force: true });
      deps.onForgotten();
    },
  };
}

/** Reads a run file; undefined when it is missing or its first line is not whole. */
export function readRecord(path: string): RunRecord | undefined {
  try {
    return parseRunFile(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const NOTHING: EndedTree = { signalled: 0, killed: 0, left: [] };

function toTreeEnd(tree: EndedTree, ended: RunExit | undefined): TreeEnd {
  return { ...(ended === undefined ? {} : { exit: ended }), ...tree };
}

function toSignal(name: string): NodeJS.Signals {
  if (Object.hasOwn(constants.signals, name)) return name as NodeJS.Signals;
  throw new MeshError('MESH_INPUT_INVALID', `${name} is not the name of a signal`, {
    details: { signal: name },
  });
}

function changedAtMs(path: string): number | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  return status === undefined ? undefined : Math.round(status.mtimeMs);
}
