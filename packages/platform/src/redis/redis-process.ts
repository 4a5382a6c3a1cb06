import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  MeshError,
  type Clock,
  type Logger,
  type ProcessRuntime,
  type Run,
} from '@meshwork/shared';
import { writeFileDurable } from '../base/write-file-durable.ts';
import { readLog } from '../runtime/log/read-log.ts';
import type { RedisProgram } from './locate-redis.ts';
import { probeRedis } from './probe-redis.ts';
import { renderRedisConfig } from './redis-config.ts';
import { makeSocketDir, toSocketPath } from './redis-socket.ts';

/** Where one server lives, what it may use, and when it counts as hung. */
export interface RedisProcessOptions {
  readonly dir: string;
  readonly runtimeDir: string;
  readonly maxMemoryBytes: number;
  readonly unresponsiveMs: number;
  locate(signal: AbortSignal): Promise<RedisProgram>;
}

/** Starts, finds, asks and ends the one redis-server of a folder; decides nothing. */
export interface RedisProcess {
  readonly socketPath: string;
  /** Makes its folders. */
  prepare(): Promise<void>;
  /** The living one that an earlier main node left with this very config; all others are ended. */
  adopt(): Promise<Run | undefined>;
  launch(signal: AbortSignal): Promise<Run>;
  /** Resolves when it answers. Rejects when it ended, is silent for too long, or the signal aborts; says its last words. */
  ready(run: Run, signal: AbortSignal): Promise<void>;
  /** Whether it says anything at all, if only that it loads its data. */
  isHeard(): Promise<boolean>;
  lastWords(): Promise<string>;
  /** Ends what is left of it, and forgets it. */
  discard(run: Run, abort?: AbortSignal): Promise<void>;
}

const RUN_ID = 'redis';
const READY_LOOK_MS = 10;
const PROBE_MS = 2_000;
const END_GRACE_MS = 10_000;
const LOG = { segmentBytes: 1024 * 1024, maxSegments: 4 };

/** The server of one folder, through the process runtime. */
export function createRedisProcess(
  options: RedisProcessOptions,
  deps: { readonly runtime: ProcessRuntime; readonly clock: Clock; readonly logger: Logger },
): RedisProcess {
  const { dir, unresponsiveMs } = options;
  const { runtime, clock, logger } = deps;
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
  const probe = () => probeRedis(socketPath, Math.min(PROBE_MS, unresponsiveMs));

  async function lastWords(): Promise<string> {
    const page = await readLog(logDir, { tailLines: 5, isFinal: true });
    return page.lines.map((line) => line.text).join(' | ') || 'none';
  }

  async function notReady(
    reason: string,
    details: Readonly<Record<string, unknown>>,
  ): Promise<MeshError> {
    return new MeshError(
      'MESH_STORE_UNAVAILABLE',
      `redis was not ready: ${reason}; its last words: ${await lastWords()}`,
      { details },
    );
  }

  async function discard(run: Run, abort?: AbortSignal): Promise<void> {
    await run.end({ signal: 'SIGTERM', graceMs: END_GRACE_MS, ...(abort && { abort }) });
    await run.forget();
  }

  return {
    socketPath,
    lastWords,
    discard,
    isHeard: async () => (await probe()) !== 'away',
    async prepare() {
      await mkdir(dataDir, { recursive: true, mode: 0o700 });
      await makeSocketDir(socketPath);
    },
    async adopt() {
      let found: Run | undefined;
      for (const run of await runtime.adopt()) {
        if (run.id === RUN_ID && !run.ended && run.tag['config'] === tag.config) found = run;
        else await discard(run);
      }
      if (found !== undefined)
        logger.info({ pid: found.pid }, 'redis runs already and is taken over');
      return found;
    },
    async launch(signal) {
      const program = await options.locate(signal);
      await writeFileDurable(configPath, config);
      const argv = [program.command, configPath];
      const run = await runtime.launch(
        { id: RUN_ID, argv, cwd: dataDir, env: program.env, tag, log: { dir: logDir, ...LOG } },
        signal,
      );
      logger.info(
        { pid: run.pid, version: program.version, origin: program.origin },
        'redis started',
      );
      return run;
    },
    async ready(run, signal) {
      let heardMs = clock.monotonic();
      for await (const nowMs of clock.ticks(READY_LOOK_MS, signal)) {
        const health = await probe();
        if (health === 'ready') return;
        if (health === 'loading') heardMs = nowMs;
        if (run.ended) throw await notReady('it ended before', { exit: await run.exit });
        if (nowMs - heardMs >= unresponsiveMs)
          throw await notReady('it lives and does not answer', { pid: run.pid });
      }
      throw await notReady('its start was broken off', { pid: run.pid });
    },
  };
}
