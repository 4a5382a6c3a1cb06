import { join } from 'node:path';
import { readLock } from '@meshwork/platform';
import { formatDuration, HealthReport, Status, toMeshError } from '@meshwork/shared';
import { createApiClient } from '../api-client.ts';
import { connectToMesh } from '../mesh/connect.ts';
import type { MeshDir } from '../mesh/find-mesh.ts';
import { readJoinFile } from '../mesh/join-file.ts';
import { settingsFile } from '../mesh/settings.ts';
import { isWell } from '../output/status-view.ts';
import { daemonPlans } from '../up/daemon-plan.ts';
import { finding, type Finding } from './finding.ts';

/** How the mesh of this directory is: its daemons, the main node's own checks, nodes and agents. */
export async function checkMesh(mesh: MeshDir): Promise<Finding[]> {
  const settings = await settingsFile(mesh).read();
  if (settings === undefined)
    return [finding('mesh', false, `${mesh.root} holds no mesh settings; mesh up makes them`)];
  const daemons = daemonPlans(mesh, settings).map((plan) => {
    const holder = readLock(plan.dir);
    return holder === undefined
      ? finding(plan.title, false, `does not run; mesh up starts it, its log is ${plan.log}`)
      : finding(
          plan.title,
          true,
          `pid ${holder.process.pid}, since ${new Date(holder.sinceMs).toISOString()}`,
        );
  });
  const others = settings.hasMainNode
    ? await askMainNode(mesh)
    : await Promise.all(settings.nodes.map((node) => askNode(mesh, node.name)));
  return [...daemons, ...others];
}

/** A node of another PC's mesh says itself whether its main node hears it. */
async function askNode(mesh: MeshDir, node: string): Promise<Finding> {
  const name = `main node of ${node}`;
  const joined = await readJoinFile(mesh, node);
  if (joined === undefined) return finding(name, false, 'not joined yet; repeat mesh join');
  const where = joined.addresses.join(', ');
  const { host, port } = readLock(join(mesh.nodes, node))?.endpoints['http'] ?? {};
  if (host === undefined || port === undefined)
    return finding(name, false, `at ${where}; not asked, since the node does not run`);
  try {
    const api = createApiClient({ baseUrl: `http://${host}:${port}`, who: `node ${node}` });
    const { checks } = await api.get('/health', HealthReport);
    const attached = checks.find((check) => check.name === 'main-node');
    const isAttached = attached?.healthy === true;
    return finding(
      name,
      isAttached,
      isAttached
        ? `attached, at ${where}`
        : `at ${where}, is away: ${attached?.message ?? 'not heard'}`,
    );
  } catch (error) {
    return finding(name, false, toMeshError(error).message);
  }
}

async function askMainNode(mesh: MeshDir): Promise<Finding[]> {
  try {
    const api = await connectToMesh(mesh);
    const health = await api.get('/health', HealthReport);
    const status = await api.get('/v1/status', Status);
    const nodes = status.nodes
      .filter((node) => node.admission === 'accepted')
      .map((node) => {
        const heard =
          node.heardAgoMs === undefined
            ? 'never heard'
            : `heard ${formatDuration(node.heardAgoMs)} ago`;
        return finding(`${node.name} seen`, node.state === 'alive', `${node.state}, ${heard}`);
      });
    const unwell = status.agents.filter((agent) => !isWell(agent));
    const names = unwell.slice(0, 5).map((agent) => `${agent.instance} ${agent.state}`);
    const agents = finding(
      'agents',
      unwell.length === 0,
      unwell.length === 0
        ? `${status.agents.length} as they should be`
        : `${unwell.length} of ${status.agents.length} not well: ${names.join(', ')}; mesh agent show NAME says why`,
    );
    return [
      ...health.checks.map((check) =>
        finding(`main node: ${check.name}`, check.healthy, check.message),
      ),
      ...nodes,
      agents,
    ];
  } catch (error) {
    return [finding('main node answers', false, toMeshError(error).message)];
  }
}
