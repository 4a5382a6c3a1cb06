import type { AgentRow, NodeRow, Status } from '@meshwork/shared';
import { countOf, formatAge, paintState } from './format.ts';
import { renderTable } from './table.ts';
import { paint, type Terminal } from './terminal.ts';

/** `mesh status` for people: one line of the mesh, its nodes, its agents by start group, then what is not well. */
export function renderStatus(terminal: Terminal, status: Status): string {
  const { mesh, nodes, agents } = status;
  const store = mesh.store.state === 'up' ? 'store up' : paint(terminal, 'red', 'store down');
  const losses =
    mesh.store.losses.length === 0 ? '' : `, can lose: ${mesh.store.losses.join(', ')}`;
  const head = `mesh ${mesh.id.slice(0, 8)}  term ${mesh.term}  revision ${mesh.revision}  ${store}${losses}  up ${formatAge(mesh.uptimeMs)}\n`;
  const parts = [head, renderNodes(terminal, nodes)];
  if (agents.length > 0) parts.push(renderGroups(terminal, agents));
  const unwell = agents.filter((agent) => !isWell(agent));
  if (unwell.length > 0) parts.push(renderUnwell(terminal, unwell));
  return parts.join('\n');
}

/** The nodes of a mesh as a table. */
export function renderNodes(terminal: Terminal, nodes: readonly NodeRow[]): string {
  return renderTable(nodes, [
    { title: 'node', cell: (node) => node.name },
    {
      title: 'state',
      cell: (node) =>
        node.admission === 'accepted' ? paintState(terminal, node.state) : node.admission,
    },
    {
      title: 'heard',
      align: 'right',
      cell: (node) => (node.heardAgoMs === undefined ? '-' : `${formatAge(node.heardAgoMs)} ago`),
    },
    {
      title: 'agents',
      align: 'right',
      cell: (node) => `${node.agents.ready}/${node.agents.total} ready`,
    },
    { title: 'load', align: 'right', cell: (node) => node.load1?.toFixed(1) ?? '-' },
    { title: 'address', cell: (node) => node.address ?? '-' },
    { title: 'release', cell: (node) => node.release ?? '-' },
    { title: 'key', cell: (node) => node.fingerprint },
  ]);
}

/** Every instance as a table. */
export function renderAgents(terminal: Terminal, agents: readonly AgentRow[]): string {
  return renderTable(agents, [
    { title: 'agent', cell: (agent) => agent.instance },
    { title: 'node', cell: (agent) => agent.node ?? '-' },
    {
      title: 'state',
      cell: (agent) => paintState(terminal, agent.state) + (agent.isStale ? ' (stale)' : ''),
    },
    { title: 'for', align: 'right', cell: (agent) => formatAge(agent.stateAgeMs) },
    { title: 'pid', align: 'right', cell: (agent) => String(agent.pid ?? '-') },
    { title: 'restarts', align: 'right', cell: (agent) => String(agent.restarts) },
    { title: 'group', cell: (agent) => agent.group ?? '-' },
    {
      title: 'ports',
      cell: (agent) =>
        Object.entries(agent.ports)
          .map(([name, port]) => `${name}:${port}`)
          .join(' ') || '-',
    },
    { title: 'why', cell: (agent) => agent.reason ?? '' },
  ]);
}

function renderGroups(terminal: Terminal, agents: readonly AgentRow[]): string {
  const groups = Map.groupBy(
    agents,
    (agent) => `${agent.node ?? '-'}\n${agent.phase ?? 0}\n${agent.group ?? '-'}`,
  );
  const rows = [...groups.values()].toSorted(byNodeAndPhase);
  return renderTable(rows, [
    { title: 'node', cell: ([first]) => first?.node ?? '-' },
    { title: 'phase', align: 'right', cell: ([first]) => String(first?.phase ?? '-') },
    { title: 'start group', cell: ([first]) => first?.group ?? '-' },
    {
      title: 'ready',
      align: 'right',
      cell: (members) =>
        `${members.filter((agent) => agent.state === 'ready').length}/${members.length}`,
    },
    { title: 'agents', cell: (members) => listNames(terminal, members) },
  ]);
}

function renderUnwell(terminal: Terminal, agents: readonly AgentRow[]): string {
  return `${countOf(agents.length, 'agent')} not ready\n${renderAgents(terminal, agents)}`;
}

function listNames(terminal: Terminal, members: readonly AgentRow[]): string {
  const room = Math.max(24, terminal.columns - 48);
  let text = '';
  for (const [index, agent] of members.entries()) {
    const more = text === '' ? agent.instance : `, ${agent.instance}`;
    if (text.length + more.length > room) return `${text} and ${members.length - index} more`;
    text += more;
  }
  return text;
}

function byNodeAndPhase([a]: readonly AgentRow[], [b]: readonly AgentRow[]): number {
  const byNode = (a?.node ?? '').localeCompare(b?.node ?? '');
  return (
    byNode || (a?.phase ?? 0) - (b?.phase ?? 0) || (a?.group ?? '').localeCompare(b?.group ?? '')
  );
}

/** Whether an instance is as it should be: ready, or stopped or ended on purpose. */
export function isWell(agent: AgentRow): boolean {
  if (agent.isStale) return false;
  if (agent.desired === 'stop') return agent.state === 'stopped';
  return agent.state === 'ready' || agent.state === 'ended';
}
