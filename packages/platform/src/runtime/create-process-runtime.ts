import { watch, type FSWatcher } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  MeshError,
  type Clock,
  type Logger,
  type ProcessRuntime,
  type Random,
  type Run,
} from '@meshwork/shared';
import { readBootId } from '../base/process-identity.ts';
import { adoptRun, ASIDE_SUFFIX } from './adopt-run.ts';
import { launchRun } from './launch-run.ts';
import { prepareLaunch } from './prepare-launch.ts';
import { readPidNamespace } from './proc.ts';
import { createTableReader } from './process-table.ts';
import { createRun, type StartedRecord, type WatchedRun } from './run.ts';
import { findShellTools, type ShellTools } from './shell-tools.ts';
import { createShimStarter, type ShimStarter } from './shim-starter.ts';

/** What the runtime needs from outside. */
export interface ProcessRuntimeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Identity of this boot; default: the kernel's. */
  readonly bootId?: string;
  /** Absolute path of the shell that shims are made of; default: dash where it is installed, else `sh`. */
  readonly shell?: string;
}

const SUFFIX = '.run';
/** A program without its shim is looked at this often, all others every tenth time, in case a notice was lost. */
const BARE_LOOK_MS = 200;
const LOOKS_PER_ROUND = 10;

/**
 * The runtime for plain processes: a shim stands beside each program and outlives this daemon (docs/lifecycles/run.md).
 *
 * `dir` holds one file per run and belongs to one runtime at a time; the daemon's lock on its data directory sees to that.
 */
export function createProcessRuntime(
  options: { readonly dir: string },
  deps: ProcessRuntimeDeps,
): ProcessRuntime {
  const { dir } = options;
  const bootId = deps.bootId ?? readBootId();
  const pidNamespace = readPidNamespace();
  const runs = new Map<string, WatchedRun>();
  /** Launches that wait for their program to appear. */
  const launching = new Map<string, () => void>();
  const readTable = createTableReader();
  const stopping = new AbortController();
  let tools: ShellTools | undefined;
  let starter: ShimStarter | undefined;
  let watcher: FSWatcher | undefined;
  let looking: Promise<void> = Promise.resolve();

  function onChange(name: string | null): void {
    const ids = name === null ? [...launching.keys(), ...runs.keys()] : [toId(name)];
    for (const id of ids) {
      launching.get(id)?.();
      attend(id, (run) => run.look());
    }
  }

  /** What fails here (no descriptors left, say) says nothing of the run; the next look will. */
  function attend(id: string, act: (run: WatchedRun) => void): void {
    const run = runs.get(id);
    if (run === undefined) return;
    try {
      act(run);
    } catch (err) {
      deps.logger.error({ run: id, err }, 'a run cannot be looked at');
    }
  }

  async function lookRegularly(): Promise<void> {
    let count = 0;
    for await (const _ of deps.clock.ticks(BARE_LOOK_MS, stopping.signal)) {
      count += 1;
      if (watcher === undefined) onChange(null);
      for (const look of launching.values()) look();
      for (const run of runs.values()) if (run.isBare) attend(run.id, () => run.look());
      if (count % LOOKS_PER_ROUND !== 0) continue;
      for (const run of runs.values()) attend(run.id, () => run.tend());
      starter?.reap();
      await mendPumps().catch((err: unknown) =>
        deps.logger.error({ err }, 'the output pumps cannot be looked at'),
      );
    }
  }

  async function mendPumps(): Promise<void> {
    const torn: WatchedRun[] = [];
    for (const run of runs.values()) attend(run.id, () => run.needsPump && torn.push(run));
    if (torn.length === 0) return;
    const table = await readTable();
    for (const run of torn) {
      deps.logger.warn({ run: run.id }, 'the output pump of a run was killed');
      attend(run.id, () => run.mend(table, startedTools()));
    }
  }

  function watchDirectory(): void {
    try {
      watcher = watch(dir, (_, name) => onChange(name));
      watcher.on('error', (err) => {
        deps.logger.warn({ err }, 'watching the runs failed, looking at them regularly instead');
        watcher?.close();
        watcher = undefined;
      });
    } catch (err) {
      deps.logger.warn({ err }, 'the runs cannot be watched, looking at them regularly instead');
    }
  }

  function keep(record: StartedRecord, adopted: boolean): WatchedRun {
    const { id } = record.header;
    const isHere = record.header.bootId === bootId && record.header.pidNamespace === pidNamespace;
    const run = createRun(
      { path: toPath(id), record, adopted, isHere },
      {
        clock: deps.clock,
        readTable,
        stopping: stopping.signal,
        onForgotten() {
          runs.delete(id);
          starter?.reap();
        },
      },
    );
    runs.set(id, run);
    run.look();
    return run;
  }

  /** A daemon died while it settled a cut-off launch: the next one settles it again. */
  async function putBack(): Promise<void> {
    for (const name of await readdir(dir)) {
      if (!name.endsWith(ASIDE_SUFFIX)) continue;
      await rename(join(dir, name), join(dir, name.slice(0, -ASIDE_SUFFIX.length)));
    }
  }

  const toId = (name: string): string => name.slice(0, -SUFFIX.length);
  const toPath = (id: string): string => join(dir, `${id}${SUFFIX}`);
  const startedTools = (): ShellTools => {
    if (tools === undefined) throw new Error('the process runtime is used before it was started');
    return tools;
  };

  const startedStarter = (): ShimStarter => {
    if (starter === undefined) throw new Error('the process runtime is used before it was started');
    return starter;
  };

  return {
    name: 'process-runtime',
    async start(signal) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      tools = await findShellTools({ shell: deps.shell, signal });
      starter = createShimStarter(tools);
      watchDirectory();
      looking = lookRegularly();
    },
    async stop() {
      stopping.abort(new MeshError('MESH_STOPPING', 'the process runtime is stopping'));
      watcher?.close();
      await looking;
      await starter?.stop();
    },
    async check(spec) {
      return (await prepareLaunch(spec, startedTools())).problems;
    },
    async launch(spec, signal) {
      const record = await launchRun(
        {
          spec,
          path: toPath(spec.id),
          bootId,
          pidNamespace,
          tools: startedTools(),
          signal:
            signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]),
        },
        {
          clock: deps.clock,
          random: deps.random,
          starter: startedStarter(),
          readTable,
          onChange(look) {
            launching.set(spec.id, look);
            return () => launching.delete(spec.id);
          },
        },
      );
      return keep(record, false);
    },
    async adopt() {
      await putBack();
      const names = (await readdir(dir)).filter((name) => name.endsWith(SUFFIX));
      const ids = names.map(toId).filter((id) => !runs.has(id) && !launching.has(id));
      const records = await Promise.all(
        ids.map((id) =>
          adoptRun(
            { path: toPath(id), bootId, pidNamespace },
            { clock: deps.clock, readTable, logger: deps.logger },
          ),
        ),
      );
      return records.flatMap((record): Run[] => (record === undefined ? [] : [keep(record, true)]));
    },
  };
}
