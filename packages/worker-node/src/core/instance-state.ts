import type { AgentSpec, LastExit } from '@meshwork/shared';

/** What is remembered over all runs of an instance. */
export interface History {
  /** Runs so far; the number of the latest one. */
  readonly launches: number;
  /** Runs that ended badly. */
  readonly crashes: number;
  /** Crashes in a row, without a proven run between them. */
  readonly streak: number;
  /** Ends in a row, crashes or not, without a proven run between them: what back-off grows by. */
  readonly ends: number;
  readonly lastExit?: LastExit | undefined;
}

interface Common {
  /** When this state began, ms since boot. */
  readonly sinceMs: number;
  readonly history: History;
}

/** What becomes of an instance once nothing of it runs. */
export type AfterStop = 'stopped' | 'start' | 'forget';

/** Not started yet: dependencies, or a port that somebody else holds. */
export interface Waiting extends Common {
  readonly status: 'waiting';
  readonly blocked?: { readonly reason: string; readonly untilMs: number };
}

/** A launch is under way. */
export interface Starting extends Common {
  readonly status: 'starting';
  readonly launch: number;
}

/** Alive, and not ready (yet, or any more). */
export interface Running extends Common {
  readonly status: 'running';
  readonly launch: number;
  readonly startedMs: number;
  /** `startPeriod` passed without an answer. */
  readonly isLate: boolean;
  /** It was ready in this run, and probes began to fail. */
  readonly wasReady: boolean;
}

/** Its probe answers, or it declares none and has been alive for a second. */
export interface Ready extends Common {
  readonly status: 'ready';
  readonly launch: number;
  readonly startedMs: number;
  /** Probes in a row that failed since. */
  readonly failures: number;
}

/** Being ended. */
export interface Stopping extends Common {
  readonly status: 'stopping';
  readonly after: AfterStop;
  /** Processes that could not be ended, and when that is tried again. */
  readonly stuck?: { readonly left: readonly number[]; readonly retryAtMs: number };
}

/** Ended on order. */
export interface Stopped extends Common {
  readonly status: 'stopped';
  /** Nobody wants it any more: it is about to be dropped. */
  readonly isLeaving?: true;
}

/** Exited with 0. `retryAtMs` under restart policy `always`. */
export interface Ended extends Common {
  readonly status: 'ended';
  readonly retryAtMs?: number;
}

/** Exited badly or could not be started. Without `retryAtMs` under restart policy `never`. */
export interface Crashed extends Common {
  readonly status: 'crashed';
  readonly retryAtMs?: number;
}

/** Crashed too often in a row; nothing is tried until an order. */
export interface CrashLoop extends Common {
  readonly status: 'crash-loop';
}

/** The daemon is back and has not looked yet whether its run still lives. */
export interface Unknown extends Common {
  readonly status: 'unknown';
  /** The run that was asked for last. */
  readonly launch: number;
  /** What it was doing then. */
  readonly was: 'starting' | 'alive' | 'stopping';
}

/** An instance that the main node asked for. */
export type ClaimedState =
  | Waiting
  | Starting
  | Running
  | Ready
  | Stopping
  | Stopped
  | Ended
  | Crashed
  | CrashLoop
  | Unknown;

/** An instance that the main node no longer knows, looked after as before. */
export interface Unclaimed {
  readonly status: 'unclaimed';
  readonly sinceMs: number;
  readonly inner: Exclude<ClaimedState, Stopping>;
}

/** One instance, as `docs/lifecycles/instance.md` draws it. Times are milliseconds since boot. */
export type InstanceState = ClaimedState | Unclaimed;

/** Part of a spec that decides about its instances' states. */
export interface InstancePolicy {
  readonly restart: AgentSpec['restart'];
  /** Absent: no probe is declared. */
  readonly health?: { readonly startPeriodMs: number; readonly failures: number } | undefined;
}

/** How a run ended: `shim` and the like, or why it could not be started. */
export type ExitFacts = LastExit;

/** Something that happened to an instance, or was ordered. `jitter` is random in [0, 1). */
export type InstanceEvent =
  | { readonly type: 'go' }
  | { readonly type: 'blocked'; readonly reason: string; readonly retryInMs: number }
  | { readonly type: 'launched'; readonly launch: number; readonly startedMs: number }
  | { readonly type: 'launch-failed'; readonly exit: ExitFacts; readonly jitter: number }
  | {
      readonly type: 'exited';
      readonly launch: number;
      readonly exit: ExitFacts;
      readonly jitter: number;
    }
  | { readonly type: 'probed'; readonly ok: boolean }
  | { readonly type: 'tick' }
  | { readonly type: 'stop'; readonly after: AfterStop }
  | { readonly type: 'tree-ended' }
  | { readonly type: 'tree-stuck'; readonly left: readonly number[]; readonly retryInMs: number }
  | { readonly type: 'reset' }
  | { readonly type: 'found'; readonly launch: number; readonly startedMs: number }
  | { readonly type: 'missing'; readonly exit: ExitFacts; readonly jitter: number }
  | { readonly type: 'unclaim' }
  | { readonly type: 'claim' };

/** What the shell has to do, in this order; each instance's effects are carried out one after the other. */
export type InstanceEffect =
  /** Start the program; tell `launched`, `launch-failed` or `blocked`. */
  | { readonly type: 'launch'; readonly launch: number }
  /** End the whole tree as the spec's stop policy says; tell `tree-ended` or `tree-stuck`. */
  | { readonly type: 'end' }
  /** End what the program left behind, and forget the run. */
  | { readonly type: 'sweep' }
  | { readonly type: 'probe-on' }
  | { readonly type: 'probe-off' }
  /** Its start period is over and it is not ready: fetch its last lines. */
  | { readonly type: 'late' }
  /** Nothing of it is left and nobody wants it: drop it. */
  | { readonly type: 'forget' };

/** The next state and what to do. `ignored` says why an event changed nothing because it does not belong there. */
export interface InstanceStep {
  readonly state: InstanceState;
  readonly effects: readonly InstanceEffect[];
  readonly ignored?: string;
}

/** A new instance, not started yet. */
export function createInstanceState(nowMs: number, history: History = emptyHistory): Waiting {
  return { status: 'waiting', sinceMs: nowMs, history };
}

/** The history of an instance that never ran. */
export const emptyHistory: History = { launches: 0, crashes: 0, streak: 0, ends: 0 };

/** The state under `unclaimed`, or the state itself. */
export function claimedPart(state: InstanceState): ClaimedState {
  return state.status === 'unclaimed' ? state.inner : state;
}

/** Whether a process of the instance exists or may exist. */
export function isAlive(state: InstanceState): boolean {
  switch (claimedPart(state).status) {
    case 'starting':
    case 'running':
    case 'ready':
    case 'stopping':
    case 'unknown':
      return true;
    default:
      return false;
  }
}
