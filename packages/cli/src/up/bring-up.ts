import { join } from 'node:path';
import { createSystemClock, readLock } from '@meshwork/platform';
import { Done, HealthReport, Status } from '@meshwork/shared';
import type { CommandContext } from '../command.ts';
import { connectToMesh } from '../mesh/connect.ts';
import type { MeshDir } from '../mesh/find-mesh.ts';
import { readJoinFile } from '../mesh/join-file.ts';
import type { MeshSettings } from '../mesh/settings.ts';
import { createProgress, type Progress } from '../output/progress.ts';
import { renderStatus } from '../output/status-view.ts';
import { runMesh, type RunningMesh } from './run-mesh.ts';
import { showAttachment, showProgress } from './show-progress.ts';

/** How long progress is shown before what is missing is named, ms. */
const agentsWithinMs = 120_000;
const attachedWithinMs = 15_000;

/**
 * Runs a folder's mesh in the foreground until Ctrl-C, or with `--detach` in the background: its main node and worker nodes, or
 * only the worker node where the folder joined another machine's mesh.
 */
export async function bringUp(
  context: CommandContext,
  mesh: MeshDir,
  wanted: MeshSettings,
): Promise<number> {
  const { env, options, signal, terminal } = context;
  const progress = createProgress(terminal);
  const running = await runMesh({ mesh, wanted, progress, env, signal });
  if (options['detach'] === true) {
    await running.detach();
    const message = running.settings.hasMainNode
      ? `the mesh in ${mesh.root} runs on; mesh status shows it, mesh down stops it`
      : `the node in ${mesh.root} runs on; mesh doctor shows how it is, mesh down stops it`;
    context.print(Done, { message }, (done) => `${done.message}\n`);
    return 0;
  }
  try {
    await (running.settings.hasMainNode
      ? showMesh(context, running, mesh, progress)
      : showNode(context, running, mesh, progress));
  } catch (error) {
    // Everything runs and is kept running; only looking at it failed.
    if (!signal.aborted) progress.note(error instanceof Error ? error.message : String(error));
  }
  await running.untilStopped(signal);
  progress.done('everything is stopped');
  return 0;
}

async function showMesh(
  { print, signal, terminal }: CommandContext,
  running: RunningMesh,
  mesh: MeshDir,
  progress: Progress,
): Promise<void> {
  const status = await showProgress(await connectToMesh(mesh), progress, {
    withinMs: agentsWithinMs,
    nodes: running.settings.nodes.length,
    clock: createSystemClock(),
    signal,
  });
  print(
    Status,
    status,
    (value) =>
      `\n${renderStatus(terminal, value)}\nCtrl-C stops everything. In another terminal: mesh status, mesh apply FLEET.yaml\n`,
  );
}

async function showNode(
  { print, signal }: CommandContext,
  running: RunningMesh,
  mesh: MeshDir,
  progress: Progress,
): Promise<void> {
  const name = running.settings.nodes[0]?.name ?? '';
  const http = readLock(join(mesh.nodes, name))?.endpoints['http'];
  if (http === undefined) return;
  const joined = await readJoinFile(mesh, name);
  const health = await showAttachment(
    {
      name,
      baseUrl: `http://${http.host ?? '127.0.0.1'}:${http.port ?? 0}`,
      main: joined?.addresses ?? [],
    },
    progress,
    { withinMs: attachedWithinMs, clock: createSystemClock(), signal },
  );
  print(
    HealthReport,
    health,
    () =>
      `node ${name} runs; Ctrl-C stops it and its agents. Its mesh is operated on the Main PC: mesh status\n`,
  );
}
