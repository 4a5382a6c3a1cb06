import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readLock, type LockHolder } from '@meshwork/platform';
import { MeshError, type Clock } from '@meshwork/shared';
import type { DaemonPlan } from './daemon-plan.ts';
import { findRemoval } from './removed-node.ts';
import { stepDaemon, type DaemonState } from './step-daemon.ts';

/** How often a daemon that we did not start ourselves is looked at, ms. */
const lookEveryMs = 200;

/** How long a daemon may take to become ready, ms. */
const startWithinMs = 60_000;

/** One daemon under the eyes of `mesh up`. */
export interface KeptDaemon {
  readonly plan: DaemonPlan;
  /** Resolves at its first readiness; rejects when it ended or took too long instead. */
  readonly ready: Promise<LockHolder>;
  /**
   * Resolves once it is no longer watched: with undefined while it lives on, or with the reason when its mesh took this node
   * out and it is not started again.
   */
  readonly released: Promise<MeshError | undefined>;
  /** Ends a process that was started and is not ready yet: nobody else would find it, for it may not hold its lock. */
  endStarting(): Promise<void>;
}

/**
 * Starts a daemon, or takes over the one that lives, and starts it again whenever it ends, until the signal aborts.
 *
 * The daemon is a session of its own: it outlives this process.
 */
export function keepDaemon(
  plan: DaemonPlan,
  deps: {
    readonly clock: Clock;
    readonly say: (line: string) => void;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
  signal: AbortSignal,
): KeptDaemon {
  const ready = Promise.withResolvers<LockHolder>();
  // Somebody may never wait for it.
  ready.promise.catch(() => {});
  /** The process that was started and has not become ready yet. */
  let starting: StartedDaemon | undefined;
  return {
    plan,
    ready: ready.promise,
    released: watch(),
    endStarting: async () => starting?.end(),
  };

  async function watch(): Promise<MeshError | undefined> {
    let state: DaemonState = { status: 'absent', retryAtMs: 0, fastEnds: 0 };
    let wasReady = false;
    for (let first = true; !signal.aborted; first = false) {
      if (!first) await deps.clock.sleep(lookEveryMs, signal).catch(() => {});
      const nowMs = deps.clock.monotonic();
      const holder = readLock(plan.dir);
      const isReady = holder?.endpoints['http'] !== undefined;
      if (isReady && state.status !== 'ready') {
        if (wasReady) deps.say(`${plan.title} is back (pid ${holder.process.pid})`);
        wasReady = true;
        ready.resolve(holder);
        starting = undefined;
        state = stepDaemon(state, { type: 'ready' }, nowMs).state;
      }
      const isGone =
        holder === undefined && (state.status === 'ready' || starting?.hasEnded() === true);
      const isLate = state.status === 'starting' && nowMs - state.sinceMs > startWithinMs;
      if (isGone) {
        const removal =
          plan.node === undefined ? undefined : await findRemoval(plan.node, plan.dir);
        if (removal !== undefined) {
          deps.say(removal.message);
          ready.reject(removal);
          return removal;
        }
        if (!wasReady) {
          ready.reject(
            new MeshError(
              'MESH_UNREACHABLE',
              `the ${plan.title} ended while it started; its log is ${plan.log}`,
            ),
          );
        }
        deps.say(`${plan.title} ended; starting it again`);
        state = stepDaemon(state, { type: 'ended' }, nowMs).state;
      } else if (isLate && !wasReady) {
        ready.reject(
          new MeshError(
            'MESH_UNREACHABLE',
            `the ${plan.title} is not ready after 60 s; its log is ${plan.log}`,
          ),
        );
      }
      if (holder !== undefined) continue;
      const step = stepDaemon(state, { type: 'tick' }, nowMs);
      state = step.state;
      if (step.effect === 'spawn') starting = spawnDaemon(plan, deps.env);
    }
    return undefined;
  }
}

/** A daemon's process of ours. */
interface StartedDaemon {
  hasEnded(): boolean;
  /** Kills it, which leaves what it runs to the next one, and waits for its end. */
  end(): Promise<void>;
}

/** Starts the daemon as a session of its own. */
function spawnDaemon(
  plan: DaemonPlan,
  env: Readonly<Record<string, string | undefined>>,
): StartedDaemon {
  // What a daemon prints before its log is open, or while it crashes, is kept too.
  const output = openSync(`${plan.log}.out`, 'a', 0o600);
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', plan.entry, '--dir', plan.dir, '--log', plan.log],
    { detached: true, stdio: ['ignore', output, output], cwd: plan.dir, env: { ...env } },
  );
  closeSync(output);
  let isEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      isEnded = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  child.unref();
  return {
    hasEnded: () => isEnded,
    async end() {
      if (isEnded) return;
      child.ref();
      child.kill('SIGKILL');
      await ended;
    },
  };
}
