import type { MeshError } from '../errors/mesh-error.ts';
import type { Component } from './component.ts';

/** How surely everything that a run started is found again, to be ended with it. */
export type Containment = 'traced' | 'cgroup' | 'pid-namespace';

/** What to start, and under which conditions. All of it is checked before anything is started. */
export interface LaunchSpec {
  /** Name of the run among the living ones, safe in a file name: `librarian.0`. */
  readonly id: string;
  /** The program, looked up in `env.PATH` unless it holds a slash, and its arguments. */
  readonly argv: readonly string[];
  /** Absolute path. */
  readonly cwd: string;
  /**
   * The program's complete environment; nothing of the daemon's is added but `MESH_RUN_COOKIE` and `PWD`, and with `user`,
   * where absent, `HOME`, `USER` and `LOGNAME`. Names are what a shell accepts: letters, digits, underscore.
   */
  readonly env: Readonly<Record<string, string>>;
  /** Name of the account that runs the program; absent: the daemon's own. Another one needs root. */
  readonly user?: string;
  /** Kept beside the run and given back at adoption; at most 256 KiB as JSON. */
  readonly tag: Readonly<Record<string, string>>;
  /** Where its output goes: numbered segments, the newest `maxSegments` of which are kept. */
  readonly log: LogPolicy;
}

/** Bounds of a run's output on disk: `segmentBytes * maxSegments`. */
export interface LogPolicy {
  /** Absolute path; made when missing. Runs that follow each other may share it, runs at the same time may not. */
  readonly dir: string;
  readonly segmentBytes: number;
  /** At least 2. */
  readonly maxSegments: number;
}

/**
 * How a run ended, and how that is known.
 *
 * - `shim`: its parent waited for it; exactly one of `code` and `signal` is given and true.
 * - `shim-either`: its parent saw a status that both an exit code and a signal give; both are given, one is true. 130 and 141
 *   only, but any over 128 on a machine without dash.
 * - `gone`: nobody waited for it (its shim was killed) and it was missing when we looked; neither is known.
 * - `other-boot`: it ran before the machine, or the container, was started anew; neither is known.
 */
export interface RunExit {
  readonly code?: number;
  /** Name of the signal, e.g. `SIGKILL`. */
  readonly signal?: string;
  readonly evidence: 'shim' | 'shim-either' | 'gone' | 'other-boot';
  /** Wall-clock ms: of the end (`shim`), of our finding out (`gone`), of the last that was heard of it (`other-boot`). */
  readonly atMs: number;
}

/** What {@link Run.end} did. */
export interface TreeEnd {
  /** How the main process ended; absent only when it could not be ended. */
  readonly exit?: RunExit;
  /** Processes, the main one included, that got the first signal. */
  readonly signalled: number;
  /** Processes that were still there after the grace and got SIGKILL. */
  readonly killed: number;
  /** Processes that outlived even SIGKILL for 10 s (stuck in the kernel), or that were there when `abort` fired. */
  readonly left: readonly number[];
}

/** One started program with everything that it starts: alive, or ended and not yet forgotten. */
export interface Run {
  readonly id: string;
  readonly tag: Readonly<Record<string, string>>;
  /** Process id of the program itself. */
  readonly pid: number;
  /** Wall-clock ms. */
  readonly startedAtMs: number;
  readonly containment: Containment;
  /** Whether an earlier daemon started it. */
  readonly adopted: boolean;
  /** Whether the program is known to have ended. What it started may live on until `end`. */
  readonly ended: boolean;
  /** Resolves once, when the program itself has ended; never rejects. Stays open after the runtime was stopped. */
  readonly exit: Promise<RunExit>;
  /**
   * Sends a signal to the program or to its whole tree, after comparing boot, pid, start time and cookie of each process.
   *
   * `gone`: nothing of it was there. The tree is looked up at this moment; what forks meanwhile is missed (`end` is not).
   */
  signal(signal: string, scope: 'main' | 'tree'): Promise<'sent' | 'gone'>;
  /**
   * Ends the whole tree: sends `signal` to all of it (and SIGCONT, so that a stopped process can act on it), waits up to
   * `graceMs`, then SIGKILL until nothing with this run's identity is left. May be called after the program ended, to end
   * what it left behind. A second call joins the first and can only shorten its grace. Stops early when `abort` fires.
   */
  end(options: {
    readonly signal: string;
    readonly graceMs: number;
    readonly abort?: AbortSignal;
  }): Promise<TreeEnd>;
  /** Removes the record; its id is free again. Only after `exit` and `end`: what still lives would be nobody's. */
  forget(): Promise<void>;
}

/**
 * Starts programs so that they survive the daemon, and finds them again.
 *
 * `start` before anything else, once; `adopt` before the first `launch`. `stop` only ends the watching: runs go on.
 */
export interface ProcessRuntime extends Component {
  /** What would make a `launch` fail, all of it: MESH_EXEC_MISSING, MESH_EXEC_DENIED, MESH_CWD_MISSING, MESH_USER_UNKNOWN, MESH_ENV_INVALID. */
  check(spec: Pick<LaunchSpec, 'argv' | 'cwd' | 'env' | 'user'>): Promise<readonly MeshError[]>;
  /**
   * Starts one run; resolves when its process exists. Its identity is on disk before the program's first instruction, so a
   * daemon that dies at any moment leaves nothing that the next one does not find.
   *
   * Rejects with what `check` finds, MESH_RUN_EXISTS (the id is taken until `forget`), MESH_SPAWN_FAILED, or the reason of
   * `signal`; nothing runs then. A program that ends at once is no error: its `exit` says so.
   */
  launch(spec: LaunchSpec, signal?: AbortSignal): Promise<Run>;
  /** Every run of this directory that this runtime does not know yet: alive, or with its recorded or unknown end. */
  adopt(): Promise<readonly Run[]>;
}
