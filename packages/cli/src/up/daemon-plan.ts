import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MeshDir } from '../mesh/find-mesh.ts';
import type { MeshSettings } from '../mesh/settings.ts';

/** One daemon that belongs to a mesh directory. */
export interface DaemonPlan {
  /** `main node` or the node's name, as people read it. */
  readonly title: string;
  /** Name of the node; absent for the main node. */
  readonly node?: string;
  readonly dir: string;
  /** Where the records of what it runs lie: agents, or the main node's Redis. */
  readonly runs: string;
  readonly entry: string;
  readonly log: string;
}

const mainNodeEntry = fileURLToPath(new URL('../../../main-node/src/main.ts', import.meta.url));
const workerNodeEntry = fileURLToPath(new URL('../../../worker-node/src/main.ts', import.meta.url));

/** The main node of a mesh directory. */
export function mainNodePlan(mesh: MeshDir): DaemonPlan {
  return {
    title: 'main node',
    dir: mesh.mainNode,
    runs: join(mesh.mainNode, 'redis', 'runs'),
    entry: mainNodeEntry,
    log: join(mesh.logs, 'main-node.log'),
  };
}

/** The worker node of this name in a mesh directory. */
export function workerNodePlan(mesh: MeshDir, name: string): DaemonPlan {
  return {
    title: `node ${name}`,
    node: name,
    dir: join(mesh.nodes, name),
    runs: join(mesh.nodes, name, 'runs'),
    entry: workerNodeEntry,
    log: join(mesh.logs, `node-${name}.log`),
  };
}

/** Every daemon of a mesh directory, in the order of starting. */
export function daemonPlans(mesh: MeshDir, settings: MeshSettings): readonly DaemonPlan[] {
  const workers = settings.nodes.map((node) => workerNodePlan(mesh, node.name));
  return settings.hasMainNode ? [mainNodePlan(mesh), ...workers] : workers;
}
