import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { locateRedis, probeRedis, renderRedisConfig } from '@meshwork/platform';

/** A Redis of the test's own, with the settings of the embedded one. */
export interface RealRedis {
  /** Its data, as it lies on disk. */
  readonly dir: string;
  readonly socketPath: string;
  /** Of the process that runs now; undefined while none does. */
  readonly pid: number | undefined;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it (again) on the same data; resolves when it answers. */
  restart(): Promise<void>;
  /** SIGSTOP: alive, connected, and silent. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** Kills it and removes its folder. */
  stop(): Promise<void>;
}

/** How it differs from the embedded one. */
export interface RealRedisOptions {
  readonly maxMemoryBytes?: number;
  /** Lines put behind the rendered config; the last one of a name holds. */
  readonly extraConfig?: string;
}

const READY_MS = 15_000;

/** Starts a real Redis in a temporary folder, on a Unix socket only. */
export async function startRealRedis(options: RealRedisOptions = {}): Promise<RealRedis> {
  const program = await locateRedis({
    env: process.env,
    onProgress: () => {},
    signal: AbortSignal.timeout(120_000),
  });
  const dir = await mkdtemp(join(tmpdir(), 'mesh-redis-'));
  const socketPath = join(dir, 'redis.sock');
  const configPath = join(dir, 'redis.conf');
  const config = renderRedisConfig({
    dir,
    socketPath,
    maxMemoryBytes: options.maxMemoryBytes ?? 64 * 1024 * 1024,
  });
  await writeFile(configPath, config + (options.extraConfig ?? ''));
  let child: ChildProcess | undefined;

  async function kill(): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, 'exit');
    ending.kill('SIGKILL');
    await exited;
  }

  async function restart(): Promise<void> {
    await kill();
    const starting = spawn(program.command, [configPath], {
      env: program.env,
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = starting;
    let output = '';
    for (const stream of [starting.stdout, starting.stderr]) {
      stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
    }
    const deadlineMs = performance.now() + READY_MS;
    while ((await probeRedis(socketPath, 1_000)) !== 'ready') {
      if (starting.exitCode !== null || performance.now() > deadlineMs)
        throw new Error(`redis did not start:\n${output}`);
      await delay(5);
    }
  }

  await restart();
  return {
    dir,
    socketPath,
    get pid() {
      return child?.pid;
    },
    kill,
    restart,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async stop() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
