import { formatDuration, listOf, PingRow } from '@meshwork/shared';
import type { Command } from '../command.ts';
import { renderTable } from '../output/table.ts';
import { paint } from '../output/terminal.ts';

const Rows = listOf(PingRow);

/** `mesh ping`. */
export const pingCommand: Command = {
  path: 'ping',
  block: 'Every day',
  summary: 'Asks nodes, or agents by name, glob or label, whether they answer now',
  args: '[TARGET]',
  minArgs: 0,
  maxArgs: 1,
  options: { all: { type: 'boolean', help: 'Every node and every agent.' } },
  examples: ['mesh ping', 'mesh ping pc2', "mesh ping 'shard-*'", 'mesh ping --all'],
  answer: Rows,
  async run({ api, options, positionals, print, terminal }) {
    const [target] = positionals;
    const ask = { all: options['all'] === true, ...(target === undefined ? {} : { target }) };
    const answer = await (await api()).send('POST', '/v1/ping', ask, Rows);
    print(Rows, answer, ({ items }) => {
      const failed = items.filter((row) => !row.ok).length;
      const table = renderTable(items, [
        { title: 'kind', cell: (row) => row.kind },
        { title: 'name', cell: (row) => row.name },
        { title: 'node', cell: (row) => row.node ?? '-' },
        {
          title: 'answer',
          cell: (row) => (row.ok ? paint(terminal, 'green', 'ok') : paint(terminal, 'red', 'none')),
        },
        {
          title: 'time',
          align: 'right',
          cell: (row) => (row.durationMs === undefined ? '-' : formatDuration(row.durationMs)),
        },
        { title: 'detail', cell: (row) => row.detail ?? '' },
      ]);
      return `${table}${items.length - failed} of ${items.length} answered\n`;
    });
    return answer.items.every((row) => row.ok) ? 0 : 1;
  },
};
