import { listOf, LogRow } from '@meshwork/shared';
import type { Command } from '../command.ts';
import { paint } from '../output/terminal.ts';
import { wholeNumber } from './agent.ts';

const Rows = listOf(LogRow);

/** `mesh agent logs`. */
export const logsCommand: Command = {
  path: 'agent logs',
  block: 'Every day',
  summary: "The last lines of an agent's output; with -f, what comes",
  args: 'NAME',
  minArgs: 1,
  maxArgs: 1,
  options: {
    follow: { type: 'boolean', short: 'f', help: 'Goes on with new lines until Ctrl-C.' },
    tail: { type: 'string', short: 'n', value: 'LINES', help: 'How many lines back; default 100.' },
  },
  examples: [
    'mesh agent logs librarian',
    'mesh agent logs librarian -f',
    'mesh agent logs librarian -n 1000',
  ],
  answer: Rows,
  async run({ api, options, positionals, print, printItem, signal, terminal, unread }) {
    const tail = wholeNumber(options['tail'], 'tail', 100);
    const path = `/v1/agents/${encodeURIComponent(positionals[0] ?? '')}/logs?tail=${tail}`;
    const client = await api();
    const format = ({ line, dropped }: LogRow): string =>
      dropped === undefined
        ? `${line}\n`
        : `${paint(terminal, 'yellow', `(${dropped} pieces of older output were dropped)`)}\n${line}\n`;
    if (options['follow'] !== true) {
      print(Rows, await client.get(path, Rows), ({ items }) => items.map(format).join(''));
      return 0;
    }
    const ending = AbortSignal.any([signal, unread]);
    for await (const item of client.stream(`${path}&follow=1`, LogRow, ending))
      printItem(LogRow, item, format);
    return 0;
  },
};
