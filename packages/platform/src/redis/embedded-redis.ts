import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  MeshError,
  type Clock,
  type Component,
  type Logger,
  type Metrics,
  type ProcessRuntime,
  type Random,
  type Run,
} from '@meshwork/shared';
import { writeFileDurable } from '../base/write-file-durable.ts';
import { readLog } from '../runtime/log/read-log.ts';
import { createDiskGuard } from './disk-guard.ts';
import type { DiskPolicy } from './judge-disk.ts';
import type { RedisProgram } from './locate-redis.ts';
import { probeRedis } from './probe-redis.ts';
import { renderRedisConfig } from './redis-config.ts';
import { makeSocketDir, toSocketPath } from './redis-socket.ts';
import { stepRestart, type BackoffPolicy, type BackoffState } from './step-restart.ts';

/** Where the embedded Redis lives and what it may use. */
export interface EmbeddedRedisOptions extends DiskPolicy {
  /** Folder of its own: config, data, output, ballast. */
  readonly dir: string;
  /** For its socket where `dir` is too deep: `$XDG_RUNTIME_DIR`, or the system's folder for temporary files. */
  readonly runtimeDir: string;
  readonly maxMemoryBytes: number;
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

const RUN_ID = 'redis';
const BACKOFF: BackoffPolicy = { initialMs: 50, maxMs: 10_000, healthyMs: 60_000 };
const PROBE_MS = 2_000;
/** Silence of a living server after which it is restarted; nothing it acknowledged is lost by that. */
const UNRESPONSIVE_MS = 30_000;
const WATCH_MS = 5_000;
const END_GRACE_MS = 10_000;
const LOG = { segmentBytes: 1024 * 1024, maxSegments: 4 };

/**
 * Owns a redis-server the way a node owns an agent: it outlives this process, is found again by the next one, and is started again
 * with back-off when it ends; not into a full disk.
 */
export function createEmbeddedRedis(
  options: EmbeddedRedisOptions,
  deps: EmbeddedRedisDeps,
): EmbeddedRedis {
  const { dir } = options;
  const { runtime, clock, random, logger } = deps;
  const dataDir = join(dir, 'data');
  const logDir = join(dir, 'log');
  const configPath = join(dir, 'redis.conf');
  const socketPath = toSocketPath(dir, options.runtimeDir);
  const config = renderRedisConfig({
    dir: dataDir,
    socketPath,
    maxMemoryBytes: options.maxMemoryBytes,
  });
  const tag = { config: createHash('sha256').update(config).digest('hex') };
  const disk = createDiskGuard(options, deps);
  const restarts = deps.metrics.counter({
    name: 'mesh_main_redis_restarts_total',
    help: 'Times the embedded Redis was started again.',
  });
  const stopping = new AbortController();
  let current: Run | undefined;
  let watching: Promise<unknown> = Promise.resolve();

  /** Takes over the one that an earlier main node left, if it runs with this very config. */
  async function adopt(): Promise<Run | undefined> {
    let found: Run | undefined;
    for (const run of await runtime.adopt()) {
      const isOurs = run.id === RUN_ID && !run.ended && run.tag['config'] === tag.config;
      if (isOurs) found = run;
      else await discard(run);
    }
    if (found !== undefined)
      logger.info({ pid: found.pid }, 'redis runs already and was taken over');
    return found;
  }

  async function discard(run: Run): Promise<void> {
    await run.end({ signal: 'SIGTERM', graceMs: END_GRACE_MS });
    await run.forget();
  }

  async function launch(signal: AbortSignal): Promise<Run> {
    await disk.look();
    const refusal = disk.refusal();
    if (disk.state === 'full' && refusal !== undefined) throw refusal;
    const program = await options.locate(signal);
    await writeFileDurable(configPath, config);
    const run = await runtime.launch(
      {
        id: RUN_ID,
        argv: [program.command, configPath],
        cwd: dataDir,
        env: program.env,
        tag,
        log: { dir: logDir, ...LOG },
      },
      signal,
    );
    logger.info(
      { pid: run.pid, version: program.version, origin: program.origin },
      'redis started',
    );
    return run;
  }

  /** Resolves when the server answers; rejects when it ends first, or the signal aborts. */
  async function ready(run: Run, signal: AbortSignal): Promise<void> {
    for await (const _ of clock.ticks(10, signal)) {
      if ((await probeRedis(socketPath, PROBE_MS)) === 'ready') return;
      if (run.ended) {
        throw new MeshError(
          'MESH_STORE_UNAVAILABLE',
          `redis ended before it was ready: ${await lastWords()}`,
          { details: { exit: await run.exit } },
        );
      }
    }
    throw new MeshError(
      'MESH_STORE_UNAVAILABLE',
      `redis was not ready in time: ${await lastWords()}`,
    );
  }

  async function lastWords(): Promise<string> {
    const page = await readLog(logDir, { tailLines: 5, isFinal: true });
    return page.lines.map((line) => line.text).join(' | ') || 'it said nothing';
  }

  /** Starts it again for as long as this component lives. */
  async function keepRunning(first: Run): Promise<void> {
    let run = first;
    let state: BackoffState = { failures: 0 };
    let startedMs = clock.monotonic();
    const stopped = new Promise<'stopped'>((resolve) =>
      stopping.signal.addEventListener('abort', () => resolve('stopped'), { once: true }),
    );
    for (;;) {
      const exit = await Promise.race([run.exit, stopped]);
      if (exit === 'stopped') return;
      current = undefined;
      logger.error({ exit, lastWords: await lastWords() }, 'redis ended');
      await discard(run);
      for (let next: Run | undefined; next === undefined;) {
        const step = stepRestart(
          state,
          { ranMs: clock.monotonic() - startedMs, jitter: random.next() },
          BACKOFF,
        );
        state = step.state;
        await clock.sleep(step.delayMs, stopping.signal);
        startedMs = clock.monotonic();
        next = await launch(stopping.signal).catch((error: unknown) => {
          stopping.signal.throwIfAborted();
          logger.error({ err: error }, 'redis could not be started again');
          return undefined;
        });
        if (next !== undefined) run = next;
      }
      current = run;
      restarts.inc();
    }
  }

  /** A server that lives and never answers is ended, so that it is started again. */
  async function endUnresponsive(): Promise<void> {
    let heardMs = clock.monotonic();
    for await (const nowMs of clock.ticks(WATCH_MS, stopping.signal)) {
      const run = current;
      if (run === undefined || (await probeRedis(socketPath, PROBE_MS)) !== 'away') heardMs = nowMs;
      else if (nowMs - heardMs >= UNRESPONSIVE_MS) {
        logger.error(
          { pid: run.pid, silentMs: nowMs - heardMs },
          'redis lives but does not answer, it is restarted',
        );
        await run.end({ signal: 'SIGTERM', graceMs: 1_000, abort: stopping.signal });
        heardMs = clock.monotonic();
      }
    }
  }

  async function stop(signal: AbortSignal): Promise<void> {
    stopping.abort(new Error('the embedded redis is no longer watched'));
    await watching;
    await runtime.stop(signal);
    await disk.stop(signal);
  }

  return {
    name: 'embedded redis',
    socketPath,
    get pid() {
      return current?.pid;
    },
    refusal: disk.refusal,
    async start(signal) {
      await mkdir(dataDir, { recursive: true, mode: 0o700 });
      await makeSocketDir(socketPath);
      await disk.start(signal);
      await runtime.start(signal);
      let launched: Run | undefined;
      try {
        const run = (await adopt()) ?? (launched = await launch(signal));
        await ready(run, signal);
        current = run;
        const swallowStop = (error: unknown): void => {
          if (!stopping.signal.aborted) throw error;
        };
        watching = Promise.all([keepRunning(run).catch(swallowStop), endUnresponsive()]);
      } catch (error) {
        if (launched !== undefined) await discard(launched);
        await stop(AbortSignal.abort());
        throw error;
      }
    },
    stop,
    async end(signal) {
      stopping.abort(new Error('the embedded redis is ending'));
      await watching;
      if (current !== undefined) {
        await current.end({ signal: 'SIGTERM', graceMs: END_GRACE_MS, abort: signal });
        await current.forget();
        current = undefined;
      }
      await stop(signal);
    },
  };
}
