import { watch, type FSWatcher } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Logger, ProcessRuntime, Random, Run } from '@meshwork/shared';
import { readBootId } from '../base/process-identity.ts';
import { adoptRun, ASIDE_SUFFIX } from './adopt-run.ts';
import { launchRun } from './launch-run.ts';
import { prepareLaunch } from './prepare-launch.ts';
import { readPidNamespace } from './proc.ts';
import { createTableReader } from './process-table.ts';
import { createRun, type StartedRecord, type WatchedRun } from './run.ts';
import { findShellTools, type ShellTools } from './shell-tools.ts';

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
/** A program without its shim is looked at this often; all others only in case a notice was lost. */
const BARE_LOOK_MS = 200;
const LOOKS_PER_FULL_LOOK = 10;

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
  let watcher: FSWatcher | undefined;
  let looking: Promise<void> = Promise.resolve();

  function onChange(name: string | null): void {
    if (name === null) lookAtAll();
    else if (name.endsWith(SUFFIX)) lookAt(name.slice(0, -SUFFIX.length));
  }

  function lookAt(id: string): void {
    launching.get(id)?.();
    runs.get(id)?.look();
  }

  function lookAtAll(): void {
    for (const id of [...launching.keys(), ...runs.keys()]) lookAt(id);
  }

  async function lookRegularly(): Promise<void> {
    let count = 0;
    for await (const _ of deps.clock.ticks(BARE_LOOK_MS, stopping.signal)) {
      count += 1;
      const isFull = count % LOOKS_PER_FULL_LOOK === 0;
      if (isFull || watcher === undefined) lookAtAll();
      else for (const run of runs.values()) if (run.isBare) run.look();
      if (isFull) await mendPumps();
    }
  }

  async function mendPumps(): Promise<void> {
    const torn = [...runs.values()].filter((run) => run.needsPump);
    if (torn.length === 0) return;
    const table = await readTable();
    for (const run of torn) {
      try {
        run.mend(table, startedTools());
        deps.logger.warn({ run: run.id }, 'the output pump of a run was killed');
      } catch (err) {
        deps.logger.error({ run: run.id, err }, 'the output pump of a run cannot be replaced');
      }
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
      { clock: deps.clock, readTable, onForgotten: () => runs.delete(id) },
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

  const toPath = (id: string): string => join(dir, `${id}${SUFFIX}`);
  const startedTools = (): ShellTools => {
    if (tools === undefined) throw new Error('the process runtime is used before it was started');
    return tools;
  };

  return {
    name: 'process-runtime',
    async start(signal) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      tools = await findShellTools({ shell: deps.shell, signal });
      watchDirectory();
      looking = lookRegularly();
    },
    async stop() {
      stopping.abort();
      watcher?.close();
      await looking;
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
          ...(signal === undefined ? {} : { signal }),
        },
        {
          clock: deps.clock,
          random: deps.random,
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
      const ids = names
        .map((name) => name.slice(0, -SUFFIX.length))
        .filter((id) => !runs.has(id) && !launching.has(id));
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
