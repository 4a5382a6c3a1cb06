import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchSpec, ProcessRuntime, Run } from '@meshwork/shared';
import { afterEach, beforeEach } from 'vitest';
import { until } from '../until.ts';

/** How a suite makes runtimes of the kind under test. */
export interface ProcessRuntimeSubject {
  /** A runtime on this directory, not started. Several on one directory are a daemon and those that come after it. */
  create(dir: string): ProcessRuntime;
  /** Whether it tells a signal from an exit code over 128. */
  readonly isSureOfSignals: boolean;
}

/** What the tests of one suite share: a folder of its own for each test, and the runtime of the daemon that lives now. */
export interface ProcessRuntimeWorld {
  launch(spec: LaunchSpec, signal?: AbortSignal): Promise<Run>;
  check(spec: LaunchSpec): ReturnType<ProcessRuntime['check']>;
  /** A launch of this command in the working directory, with PATH as its whole environment. */
  spec(argv: readonly string[], more?: Partial<LaunchSpec>): LaunchSpec;
  /** The same for a shell script. */
  shell(script: string, more?: Partial<LaunchSpec>): LaunchSpec;
  /** A path in the programs' working directory. */
  path(file?: string): string;
  /** What a program wrote there, once it ends with a newline. */
  written(file: string): Promise<string>;
  readonly isSureOfSignals: boolean;
  /** Ends the daemon and leaves its runs. */
  retire(): Promise<void>;
  /** Lets the next daemon begin on the same directory; answers what it adopted. */
  succeed(): Promise<readonly Run[]>;
}

/** PATH of every program that a test starts. */
export const PATH = '/usr/local/bin:/usr/bin:/bin';
/** Ends a tree without ceremony. */
export const atOnce = { signal: 'SIGKILL', graceMs: 0 } as const;

const none = new AbortController().signal;

/** Makes a world for the suite in which it is called; after each test nothing of it is left. */
export function useProcessRuntimeWorld(subject: ProcessRuntimeSubject): ProcessRuntimeWorld {
  let dir: string;
  let runtime: ProcessRuntime;
  const path = (file = '.'): string => join(dir, 'work', file);

  async function succeed(): Promise<readonly Run[]> {
    await runtime.stop(none);
    runtime = subject.create(join(dir, 'runs'));
    await runtime.start(none);
    return runtime.adopt();
  }

  const spec = (argv: readonly string[], more: Partial<LaunchSpec> = {}): LaunchSpec => ({
    id: 'agent.0',
    argv,
    cwd: path(),
    env: { PATH },
    tag: { agent: 'agent', epoch: '3.1' },
    log: { dir: join(dir, 'log'), segmentBytes: 65_536, maxSegments: 4 },
    ...more,
  });

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'runtime-'));
    mkdirSync(path());
    runtime = subject.create(join(dir, 'runs'));
    await runtime.start(none);
  });

  afterEach(async () => {
    for (const run of await succeed()) {
      await run.end(atOnce);
      await run.forget();
    }
    await runtime.stop(none);
    rmSync(dir, { recursive: true });
  });

  return {
    launch: (wanted, signal) => runtime.launch(wanted, signal),
    check: (wanted) => runtime.check(wanted),
    spec,
    shell: (script, more) => spec(['sh', '-c', script], more),
    path,
    written: (file) =>
      until(`${file} is written`, () => {
        const text = existsSync(path(file)) ? readFileSync(path(file), 'utf8') : '';
        return text.endsWith('\n') && text;
      }),
    isSureOfSignals: subject.isSureOfSignals,
    retire: () => runtime.stop(none),
    succeed,
  };
}

/** Whether a process lives; a zombie has ended. */
export function isThere(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
