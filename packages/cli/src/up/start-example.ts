import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';
import { createSystemClock } from '@meshwork/platform';
import { FleetRow, listOf, NodeName, PingRow, Plan, Status } from '@meshwork/shared';
import type { CommandContext } from '../command.ts';
import { connectToMesh } from '../mesh/connect.ts';
import { countOf } from '../output/format.ts';
import { createProgress } from '../output/progress.ts';
import { renderStatus } from '../output/status-view.ts';
import { obtainPython } from './obtain-python.ts';
import { runMesh } from './run-mesh.ts';
import { showProgress, untilAlive } from './show-progress.ts';
import { readFleetFile } from '../fleet/read-fleet-file.ts';
import { meshDirToMake } from '../mesh/find-mesh.ts';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const exampleFleet = `${repository}examples/fleets/home-lab.yaml`;

/** How long the example fleet may take before what is missing is named, ms. */
const progressWithinMs = 120_000;

/** `mesh start`: runs the example mesh until Ctrl-C, and applies its fleet where the directory is new. */
export async function startExample(context: CommandContext): Promise<number> {
  const { env, options, print, signal, terminal } = context;
  const mesh = meshDirToMake(context, '.mesh/example');
  const clock = createSystemClock();
  const progress = createProgress(terminal);
  const documents = resolve(context.cwd, String(options['documents'] ?? repository));
  const vars = {
    documents,
    // Beside the mesh's own state: what agents acknowledged is there at the next start, and nowhere else.
    state: join(mesh.root, 'state'),
    python: await obtainPython({ env, onProgress: (text) => progress.show(text), signal }),
    // The fleet's programs in TypeScript need the Node that runs this.
    node: process.execPath,
  };
  const wanted = {
    name: 'example',
    hasMainNode: true,
    nodes: ['main-pc', 'pc2'].map((name) => ({ name: NodeName.parse(name), vars })),
  };
  const running = await runMesh({ mesh, wanted, progress, env, signal });
  try {
    const api = await connectToMesh(mesh);
    const Fleets = listOf(FleetRow);
    if ((await api.get('/v1/fleets', Fleets)).items.length === 0) {
      const { fleet, document, fleetDir } = await readFleetFile(exampleFleet, context.cwd);
      await untilAlive(api, progress, {
        withinMs: 30_000,
        nodes: wanted.nodes.length,
        clock,
        signal,
      });
      progress.show(`applying ${fleet}`);
      const plan = await api.send('PUT', `/v1/fleets/${fleet}`, { document, fleetDir }, Plan, {
        timeoutMs: 60_000,
        signal,
      });
      progress.done(`applied ${fleet}: ${countOf(plan.steps.length, 'agent')}`);
    }
    const status = await showProgress(api, progress, {
      withinMs: progressWithinMs,
      nodes: wanted.nodes.length,
      clock,
      signal,
    });
    const Rows = listOf(PingRow);
    const pings = await api.send('POST', '/v1/ping', { all: true }, Rows, { signal });
    const answered = pings.items.filter((row) => row.ok).length;
    print(
      Status,
      status,
      (value) =>
        `\n${renderStatus(terminal, value)}\nmesh ping --all: ${answered} of ${pings.items.length} answered\n\n${nextSteps}`,
    );
  } catch (error) {
    if (!signal.aborted) {
      await running.untilStopped(AbortSignal.abort());
      throw error;
    }
  }
  await running.untilStopped(signal);
  progress.done('everything is stopped; the next start has the same fleet');
  return 0;
}

const nextSteps = `Type next, in another terminal in this folder (Ctrl-C here stops everything):
  bin/mesh status
  bin/mesh call librarian search '{"q":"backup"}'
  bin/mesh agent logs librarian -f
  bin/mesh agent stop shard-e && bin/mesh call librarian search '{"q":"backup"}'
  bin/mesh events -f
  bin/mesh --help
`;
