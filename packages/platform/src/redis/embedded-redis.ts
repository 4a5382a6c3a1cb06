import type {
  Clock,
  Component,
  Logger,
  MeshError,
  Metrics,
  ProcessRuntime,
  Random,
  Run,
} from '@meshwork/shared';
import { createDiskGuard } from './disk-guard.ts';
import type { DiskPolicy } from './judge-disk.ts';
import type { RedisProgram } from './locate-redis.ts';
import { createRedisMetrics } from './redis-metrics.ts';
import { createRedisProcess } from './redis-process.ts';
import { stepRestart, type BackoffPolicy, type BackoffState } from './step-restart.ts';

/** Where the embedded Redis lives and what it may use. */
export interface EmbeddedRedisOptions extends DiskPolicy {
  /** Folder of its own: config, data, output, ballast. */
  readonly dir: string;
  /** For its socket where `dir` is too deep: `$XDG_RUNTIME_DIR`, or the system's folder for temporary files. */
  readonly runtimeDir: string;
  readonly maxMemoryBytes: number;
  /** A server that lives but answers nothing for this long is restarted; nothing acknowledged is lost by that. Default 30 s. */
  readonly unresponsiveMs?: number;
  /** Asked only when it must be started; see `locateRedis`. */
  locate(signal: AbortSignal): Promise<RedisProgram>;
}

/** What it needs. */
export interface EmbeddedRedisDeps {
  /** Of a directory that holds nothing else; started and stopped here. */
  readonly runtime: ProcessRuntime;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A Redis that belongs to this main node. */
export interface EmbeddedRedis extends Component {
  readonly socketPath: string;
  /** Process id of the server; undefined while it is down. */
  readonly pid: number | undefined;
  /** Why changes must be refused now, by the state of the disk. */
  refusal(): MeshError | undefined;
  /** Stops it for good, then does what `stop` does. `stop` alone leaves it running for the next main node. */
  end(signal: AbortSignal): Promise<void>;
}

const BACKOFF: BackoffPolicy = { initialMs: 50, maxMs: 10_000, healthyMs: 60_000 };
const UNRESPONSIVE_MS = 30_000;
const HUNG_GRACE_MS = 1_000;

/**
 * Owns a redis-server the way a node owns an agent: it outlives this process, is found again by the next one, and is started again
 * with back-off when it ends; not into a full disk.
 */
export function createEmbeddedRedis(
  options: EmbeddedRedisOptions,
  deps: EmbeddedRedisDeps,
): EmbeddedRedis {
  const { unresponsiveMs = UNRESPONSIVE_MS } = options;
  const { runtime, clock, random, logger } = deps;
  const server = createRedisProcess({ ...options, unresponsiveMs }, deps);
  const disk = createDiskGuard(options, deps);
  const { restarts } = createRedisMetrics(deps.metrics, disk.freeBytes);
  const stopping = new AbortController();
  let current: Run | undefined;
  let watching: Promise<unknown> = Promise.resolve();

  async function launch(signal: AbortSignal): Promise<Run> {
    await disk.look();
    const refusal = disk.refusal();
    if (disk.state === 'full' && refusal !== undefined) throw refusal;
    return server.launch(signal);
  }

  /** The one that runs already, or undefined; one that died or hangs is put away. */
  async function takeOver(signal: AbortSignal): Promise<Run | undefined> {
    const run = await server.adopt();
    if (run === undefined) return undefined;
    try {
      await server.ready(run, signal);
      return run;
    } catch (error) {
      signal.throwIfAborted();
      logger.error({ err: error }, 'redis that ran already is of no use');
      await server.discard(run);
      return undefined;
    }
  }

  async function startNew(signal: AbortSignal): Promise<Run> {
    const run = await launch(signal);
    try {
      await server.ready(run, signal);
      return run;
    } catch (error) {
      await server.discard(run);
      throw error;
    }
  }

  /** Starts it again for as long as this component lives; ends when `stopping` aborts. */
  async function keepRunning(first: Run): Promise<void> {
    let run: Run | undefined = first;
    let state: BackoffState = { failures: 0 };
    let startedMs = clock.monotonic();
    const stopped = new Promise<'stopped'>((resolve) =>
      stopping.signal.addEventListener('abort', () => resolve('stopped'), { once: true }),
    );
    for (;;) {
      if (run !== undefined) {
        const exit = await Promise.race([run.exit, stopped]);
        if (exit === 'stopped') return;
        current = undefined;
        logger.error({ exit, lastWords: await server.lastWords() }, 'redis ended');
        await server.discard(run);
      }
      const step = stepRestart(
        state,
        { ranMs: clock.monotonic() - startedMs, jitter: random.next() },
        BACKOFF,
      );
      state = step.state;
      await clock.sleep(step.delayMs, stopping.signal);
      startedMs = clock.monotonic();
      run = await launch(stopping.signal).catch((error: unknown) => {
        stopping.signal.throwIfAborted();
        logger.error({ err: error }, 'redis could not be started again');
        return undefined;
      });
      current = run;
      if (run !== undefined) restarts.inc();
    }
  }

  /** A server that lives and never answers is ended, so that it is started again. */
  async function endUnresponsive(): Promise<void> {
    let heardMs = clock.monotonic();
    for await (const nowMs of clock.ticks(unresponsiveMs / 6, stopping.signal)) {
      const run = current;
      if (run === undefined || (await server.isHeard())) heardMs = nowMs;
      else if (nowMs - heardMs >= unresponsiveMs) {
        logger.error(
          { pid: run.pid, silentMs: nowMs - heardMs },
          'redis lives but does not answer, it is restarted',
        );
        await run.end({ signal: 'SIGTERM', graceMs: HUNG_GRACE_MS, abort: stopping.signal });
        heardMs = clock.monotonic();
      }
    }
  }

  /** Only a stop ends these two; anything else is a bug and ends the process. */
  async function watch(run: Run): Promise<void> {
    try {
      await Promise.all([keepRunning(run), endUnresponsive()]);
    } catch (error) {
      if (!stopping.signal.aborted) throw error;
    }
  }

  async function stopWatching(signal: AbortSignal): Promise<void> {
    await runtime.stop(signal);
    await disk.stop(signal);
  }

  return {
    name: 'embedded redis',
    socketPath: server.socketPath,
    get pid() {
      return current?.pid;
    },
    refusal: disk.refusal,
    async start(signal) {
      try {
        await server.prepare();
        await disk.start(signal);
        await runtime.start(signal);
        current = (await takeOver(signal)) ?? (await startNew(signal));
      } catch (error) {
        await stopWatching(AbortSignal.abort());
        throw error;
      }
      watching = watch(current);
    },
    async stop(signal) {
      stopping.abort(new Error('the embedded redis is no longer watched'));
      await watching;
      await stopWatching(signal);
    },
    async end(signal) {
      stopping.abort(new Error('the embedded redis is ending'));
      await watching;
      if (current !== undefined) await server.discard(current, signal);
      current = undefined;
      await stopWatching(signal);
    },
  };
}
