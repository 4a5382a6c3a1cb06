import {
  ActResult,
  AgentRow,
  formatDuration,
  listOf,
  MeshError,
  type AgentAct,
} from '@meshwork/shared';
import type { Command } from '../command.ts';
import { paintState } from '../output/format.ts';
import { renderAgents } from '../output/status-view.ts';
import type { Terminal } from '../output/terminal.ts';

const Rows = listOf(AgentRow);

/** `mesh agent list`. */
export const agentListCommand: Command = {
  path: 'agent list',
  block: 'Every day',
  summary: 'Every instance: where it runs, its state and why',
  args: '[NAME|GLOB|K=V]',
  minArgs: 0,
  maxArgs: 1,
  options: { node: { type: 'string', value: 'NODE', help: 'Only those on this node.' } },
  examples: ['mesh agent list', "mesh agent list 'shard-*'", 'mesh agent list --node pc2 -o json'],
  answer: Rows,
  async run({ api, options, positionals, print, terminal }) {
    const query = new URLSearchParams();
    if (positionals[0] !== undefined) query.set('target', positionals[0]);
    if (typeof options['node'] === 'string') query.set('node', options['node']);
    const rows = await (await api()).get(`/v1/agents?${query.toString()}`, Rows);
    print(Rows, rows, ({ items }) => renderAgents(terminal, items));
    return 0;
  },
};

/** `mesh agent show`. */
export const agentShowCommand: Command = {
  path: 'agent show',
  block: 'Every day',
  summary: 'All that is known of one agent, with the age of each evidence',
  args: 'NAME',
  minArgs: 1,
  maxArgs: 1,
  options: {},
  examples: ['mesh agent show librarian'],
  answer: Rows,
  async run({ api, positionals, print, terminal }) {
    const rows = await (
      await api()
    ).get(`/v1/agents/${encodeURIComponent(positionals[0] ?? '')}`, Rows);
    print(Rows, rows, ({ items }) => items.map((row) => renderAgent(terminal, row)).join('\n'));
    return 0;
  },
};

const acts: readonly {
  readonly act: AgentAct['act'];
  readonly summary: string;
  readonly example: string;
}[] = [
  {
    act: 'start',
    summary: 'Starts an agent that was stopped, or gave up',
    example: 'mesh agent start librarian',
  },
  {
    act: 'stop',
    summary: 'Stops an agent until it is started again',
    example: 'mesh agent stop librarian',
  },
  {
    act: 'restart',
    summary: 'Ends an agent and starts it again',
    example: 'mesh agent restart librarian',
  },
  {
    act: 'adopt',
    summary: 'Takes an unclaimed agent into the desired state again',
    example: 'mesh agent adopt librarian',
  },
];

/** `mesh agent start|stop|restart|adopt`. */
export const agentActCommands: readonly Command[] = acts.map(({ act, summary, example }) => ({
  path: `agent ${act}`,
  block: 'Every day',
  summary,
  args: 'NAME',
  minArgs: 1,
  maxArgs: 1,
  options: {},
  examples: [example],
  answer: ActResult,
  async run({ api, positionals, print }) {
    const [name = ''] = positionals;
    const [agent = '', ordinal] = name.split('.');
    const body: Record<string, unknown> = ordinal === undefined ? { act } : { act, instance: name };
    const result = await (
      await api()
    ).send('POST', `/v1/agents/${encodeURIComponent(agent)}/act`, body, ActResult);
    print(ActResult, result, ({ message }) => `${message}\n`);
    return 0;
  },
}));

function renderAgent(terminal: Terminal, row: AgentRow): string {
  const evidence = Object.entries(row.evidence).flatMap(([kind, item]) =>
    item === undefined
      ? []
      : [
          `${kind} ${item.ok ? 'ok' : 'failing'} ${formatDuration(item.ageMs)} ago${item.detail === undefined ? '' : ` (${item.detail})`}`,
        ],
  );
  const exit = row.lastExit;
  const ended =
    exit === undefined
      ? undefined
      : `${exit.signal ?? `code ${exit.code ?? 'unknown'}`}, known by ${exit.evidence}, ${new Date(exit.atMs).toISOString()}`;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['agent', `${row.instance} of fleet ${row.fleet}`],
    [
      'state',
      `${paintState(terminal, row.state)}${row.stateAgeMs === undefined ? '' : ` for ${formatDuration(row.stateAgeMs)}`}${row.isStale ? ', stale' : ''}`,
    ],
    ['why', row.reason],
    ['node', row.node],
    ['pid', row.pid?.toString()],
    ['evidence', evidence.join('; ') || 'none'],
    ['wanted', row.desired],
    ['epoch', row.epoch],
    [
      'start',
      row.group === undefined ? undefined : `group ${row.group}, phase ${row.phase ?? '-'}`,
    ],
    ['restarts', `${row.restarts} (${row.crashes} after a crash)`],
    ['last end', ended],
    [
      'ports',
      Object.entries(row.ports)
        .map(([name, port]) => `${name}:${port}`)
        .join(' ') || undefined,
    ],
    ['contained', row.containment],
    [
      'labels',
      Object.entries(row.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ') || undefined,
    ],
  ];
  const lines = facts
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key.padEnd(10)}${value}`);
  const output = (row.lastLines ?? []).map((line) => `  | ${line}`);
  return `${[...lines, ...(output.length === 0 ? [] : ['last lines']), ...output].join('\n')}\n`;
}

/** Number option of a command line; throws `MESH_USAGE`. */
export function wholeNumber(
  text: string | boolean | undefined,
  name: string,
  fallback: number,
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new MeshError('MESH_USAGE', `--${name} takes a whole number, not "${String(text)}"`);
}
