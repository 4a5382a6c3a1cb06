import { join } from 'node:path';
import {
  acquireLock,
  createLogger,
  createSystemClock,
  locateRedis,
  readLock,
  type LockHolder,
} from '@meshwork/platform';
import { MeshError, Status, type Clock } from '@meshwork/shared';
import type { ApiClient } from '../api-client.ts';
import { connectToMesh } from '../mesh/connect.ts';
import type { MeshDir } from '../mesh/find-mesh.ts';
import type { MeshSettings } from '../mesh/settings.ts';
import { countOf } from '../output/format.ts';
import { isWell } from '../output/status-view.ts';
import { daemonPlans, mainNodePlan, workerNodePlan } from './daemon-plan.ts';
import { keepDaemon, type KeptDaemon } from './keep-daemon.ts';
import { prepareMesh, writeJoin } from './prepare-mesh.ts';
import type { Progress } from '../output/progress.ts';
import { stopDaemons } from './stop-mesh.ts';

/** A mesh whose daemons run and are watched. */
export interface RunningMesh {
  readonly settings: MeshSettings;
  readonly api: ApiClient;
  /** Watches until the signal aborts, then stops everything and leaves nothing behind. */
  untilStopped(signal: AbortSignal): Promise<void>;
  /** Ends the watching and leaves everything running. */
  detach(): Promise<void>;
}

/** What `up` and `start` need from outside. */
export interface RunMeshOptions {
  readonly mesh: MeshDir;
  readonly wanted: MeshSettings;
  readonly progress: Progress;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/**
 * Starts what is missing of a mesh directory's daemons and takes over what lives.
 *
 * Throws `MESH_LOCK_HELD` beside a living `mesh up`. When a daemon cannot start, what this call started is stopped again.
 */
export async function runMesh(options: RunMeshOptions): Promise<RunningMesh> {
  const { mesh, progress, signal } = options;
  const clock = createSystemClock();
  const settings = await prepareMesh(mesh, options.wanted);
  const lock = await acquireLock(mesh.root, { daemon: 'mesh up', clock, signal });
  const logger = createLogger({ name: 'mesh up', destination: join(mesh.logs, 'up.log') });
  const watching = new AbortController();
  const say = (line: string): void => {
    logger.info({ line }, 'said');
    progress.note(line);
  };
  const kept: KeptDaemon[] = [];
  const keep = (plan: Parameters<typeof keepDaemon>[0]): KeptDaemon => {
    const daemon = keepDaemon(plan, { clock, say, env: options.env }, watching.signal);
    kept.push(daemon);
    return daemon;
  };

  const detach = async (): Promise<void> => {
    watching.abort();
    await Promise.all(kept.map((daemon) => daemon.released));
    await lock.release();
    logger.close();
  };
  const stop = async (): Promise<void> => {
    watching.abort();
    await Promise.all(kept.map((daemon) => daemon.released));
    await stopDaemons(daemonPlans(mesh, settings), { clock, logger, say });
    await lock.release();
    logger.close();
  };

  try {
    // Fetched here, where somebody watches; the main node then finds it at once.
    await locateRedis({ env: options.env, onProgress: (text) => progress.show(text), signal });
    const main = settings.hasMainNode
      ? await untilReady(keep(mainNodePlan(mesh)), progress, signal)
      : undefined;
    for (const node of settings.nodes)
      if (main !== undefined) await writeJoin(mesh, node.name, joinOf(main));
    const workers = settings.nodes.map((node) => keep(workerNodePlan(mesh, node.name)));
    await Promise.all(workers.map((worker) => untilReady(worker, progress, signal)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    settings,
    api: connectToMesh(mesh),
    detach,
    async untilStopped(stopSignal) {
      await new Promise<void>((resolve) => {
        if (stopSignal.aborted) resolve();
        else stopSignal.addEventListener('abort', () => resolve(), { once: true });
      });
      await stop();
    },
  };
}

/** Shows what becomes ready until every agent that should run does, `withinMs` passed, or the signal aborts. */
export async function showProgress(
  api: ApiClient,
  progress: Progress,
  options: {
    readonly withinMs: number;
    readonly nodes: number;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<Status> {
  const untilMs = options.clock.monotonic() + options.withinMs;
  for (;;) {
    const status = await api.get('/v1/status', Status, { signal: options.signal });
    const alive = status.nodes.filter((node) => node.state === 'alive').length;
    const well = status.agents.filter(isWell).length;
    progress.show(
      `nodes ${alive}/${Math.max(options.nodes, status.nodes.length)} alive, agents ${well}/${status.agents.length} ready`,
    );
    const isDone = alive >= options.nodes && well === status.agents.length;
    if (isDone || options.clock.monotonic() >= untilMs) {
      const missing = status.agents.length - well;
      progress.done(
        missing === 0
          ? `${countOf(alive, 'node')} alive, ${countOf(well, 'agent')} ready`
          : `${countOf(alive, 'node')} alive, ${well} of ${countOf(status.agents.length, 'agent')} ready; the others are tried on`,
      );
      return status;
    }
    await options.clock.sleep(200, options.signal);
  }
}

/** Where a living main node is reached by nodes of this machine. */
function joinOf(main: LockHolder): { addresses: readonly string[]; serverKey: string } {
  const { host, port, publicKey } = main.endpoints['control'] ?? {};
  if (host === undefined || port === undefined || publicKey === undefined) {
    throw new MeshError(
      'MESH_INTERNAL',
      'the main node does not say where nodes reach it; it may be of another release',
    );
  }
  // Nodes of this machine dial loopback, wherever else the main node listens.
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host;
  return { addresses: [`${reachable}:${port}`], serverKey: publicKey };
}

async function untilReady(
  daemon: KeptDaemon,
  progress: Progress,
  signal: AbortSignal,
): Promise<LockHolder> {
  const { plan } = daemon;
  const before = readLock(plan.dir);
  progress.show(
    before === undefined
      ? `starting ${plan.title}`
      : `taking over ${plan.title} (pid ${before.process.pid})`,
  );
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener(
      'abort',
      () => reject(new MeshError('MESH_STOPPING', 'stopped while starting')),
      { once: true },
    );
  });
  const holder = await Promise.race([daemon.ready, aborted]);
  progress.done(
    `${plan.title} ${before === undefined ? 'started' : 'taken over'} (pid ${holder.process.pid})`,
  );
  return holder;
}
