import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { createSystemClock } from '@meshwork/platform';
import { Status } from '@meshwork/shared';
import type { Command, CommandContext } from '../command.ts';
import { meshDirAt, type MeshDir } from '../mesh/find-mesh.ts';
import { toNodeName, type MeshSettings } from '../mesh/settings.ts';
import { createProgress } from '../output/progress.ts';
import { renderStatus } from '../output/status-view.ts';
import { runMesh, showProgress } from '../up/run-mesh.ts';

/** How long `up` shows progress before it says what is not ready and goes on, ms. */
const progressWithinMs = 120_000;

/** `mesh up`. */
export const upCommand: Command = {
  path: 'up',
  block: 'Set up',
  summary: "Runs this folder's mesh: its main node and a worker node named after the host",
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {
    detach: {
      type: 'boolean',
      short: 'd',
      help: 'Returns at once and leaves everything running; mesh down stops it.',
    },
    name: {
      type: 'string',
      value: 'NODE',
      help: 'Name of the node, when the folder has no mesh yet; default: the host.',
    },
  },
  examples: ['mesh up', 'mesh up --detach', 'mesh up --dir /srv/lab'],
  async run(context) {
    const name = context.options['name'] ?? hostname();
    const node = toNodeName(String(name));
    return runUp(context, meshDirToMake(context), {
      name: 'mesh',
      hasMainNode: true,
      nodes: [{ name: node, vars: {} }],
    });
  },
};

async function runUp(
  context: CommandContext,
  mesh: MeshDir,
  wanted: MeshSettings,
): Promise<number> {
  const { env, options, signal, terminal } = context;
  const progress = createProgress(terminal);
  const running = await runMesh({ mesh, wanted, progress, env, signal });
  if (options['detach'] === true) {
    await running.detach();
    terminal.out(`the mesh in ${mesh.root} runs on; mesh status shows it, mesh down stops it\n`);
    return 0;
  }
  await showProgress(running.api, progress, {
    withinMs: progressWithinMs,
    nodes: running.settings.nodes.length,
    clock: createSystemClock(),
    signal,
  }).catch((error: unknown) => {
    if (!signal.aborted) progress.note(String(error));
  });
  if (!signal.aborted) {
    const status = await running.api.get('/v1/status', Status);
    terminal.out(
      `\n${renderStatus(terminal, status)}\nCtrl-C stops everything. In another terminal: mesh status, mesh apply FLEET.yaml\n`,
    );
  }
  await running.untilStopped(signal);
  progress.done('everything is stopped');
  return 0;
}

/** The directory that `up` and `start` work in: `--dir`, `MESH_DIR`, else `.mesh` here. It need not exist yet. */
export function meshDirToMake(context: CommandContext, under = '.mesh'): MeshDir {
  const named = context.options['dir'] ?? context.env['MESH_DIR'];
  return meshDirAt(
    typeof named === 'string' ? resolve(context.cwd, named) : join(context.cwd, under),
  );
}
