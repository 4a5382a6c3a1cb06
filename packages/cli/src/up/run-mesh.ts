import { join } from 'node:path';
import {
  acquireLock,
  createLogger,
  createSystemClock,
  locateRedis,
  readLock,
  type LockHolder,
} from '@meshwork/platform';
import { MeshError } from '@meshwork/shared';
import { checkDescriptors } from '../doctor/check-machine.ts';
import type { MeshDir } from '../mesh/find-mesh.ts';
import { readJoinFile, writeJoin } from '../mesh/join-file.ts';
import type { MeshSettings } from '../mesh/settings.ts';
import { daemonPlans, mainNodePlan, workerNodePlan, type DaemonPlan } from './daemon-plan.ts';
import { keepDaemon, type KeptDaemon } from './keep-daemon.ts';
import { prepareFolders, prepareMesh } from './prepare-mesh.ts';
import { findRemoval } from './removed-node.ts';
import type { Progress } from '../output/progress.ts';
import { stopDaemons } from './stop-mesh.ts';

/** A mesh whose daemons run and are watched. */
export interface RunningMesh {
  readonly settings: MeshSettings;
  /**
   * Watches until the signal aborts, then stops everything and leaves nothing behind. Throws `MESH_NODE_REMOVED` when there
   * is nothing left to watch.
   */
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
  await prepareFolders(mesh);
  const lock = await acquireLock(mesh.root, { daemon: 'mesh up', clock, signal });
  const settings = await prepareMesh(mesh, options.wanted).catch(async (error: unknown) => {
    await lock.release();
    throw error;
  });
  const logger = createLogger({ name: 'mesh up', destination: join(mesh.logs, 'up.log') });
  const watching = new AbortController();
  const say = (line: string): void => {
    logger.info({ line }, 'said');
    progress.note(line);
  };
  const kept: KeptDaemon[] = [];
  const keep = (plan: DaemonPlan): KeptDaemon => {
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
    await Promise.all(kept.map((daemon) => daemon.endStarting()));
    await stopDaemons(daemonPlans(mesh, settings), { clock, logger, say });
    await lock.release();
    logger.close();
  };

  try {
    const openFiles = await checkDescriptors();
    if (!openFiles.healthy) say(`${openFiles.name}: ${openFiles.message}`);
    const nodes = await pickNodes(mesh, settings, say);
    if (settings.hasMainNode) {
      // Fetched here, where somebody watches; the main node then finds it at once.
      await locateRedis({ env: options.env, onProgress: (text) => progress.show(text), signal });
      const main = await untilReady(keep(mainNodePlan(mesh)), progress, signal);
      for (const node of nodes) await writeJoin(mesh, node, joinOf(main));
    }
    const workers = nodes.map((node) => keep(workerNodePlan(mesh, node)));
    await Promise.all(workers.map((worker) => untilReady(worker, progress, signal)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    settings,
    detach,
    async untilStopped(stopSignal) {
      const asked = new Promise<void>((resolve) => {
        if (stopSignal.aborted) resolve();
        else stopSignal.addEventListener('abort', () => resolve(), { once: true });
      });
      const released = Promise.all(kept.map((daemon) => daemon.released));
      await Promise.race([asked, released]);
      await stop();
      const removal = (await released).find((reason) => reason !== undefined);
      if (!stopSignal.aborted && removal !== undefined) throw removal;
    },
  };
}

/**
 * The nodes to start: those that their mesh has not taken out. Throws for the one node of a joined directory that was taken out,
 * or has not joined yet.
 */
async function pickNodes(
  mesh: MeshDir,
  settings: MeshSettings,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const nodes: string[] = [];
  for (const { name } of settings.nodes) {
    const removal = await findRemoval(name, join(mesh.nodes, name));
    if (removal !== undefined && !settings.hasMainNode) throw removal;
    if (!settings.hasMainNode && (await readJoinFile(mesh, name)) === undefined) {
      throw new MeshError(
        'MESH_JOIN_PENDING',
        `node ${name} of ${mesh.root} has not joined yet; repeat the mesh join that was interrupted`,
      );
    }
    if (removal === undefined) nodes.push(name);
    else say(`${removal.message}; it is not started`);
  }
  return nodes;
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
