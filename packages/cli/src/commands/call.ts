import { CallResult, errorTable, listOf, MeshError, parseDuration } from '@meshwork/shared';
import type { Command } from '../command.ts';
import { paint } from '../output/terminal.ts';

const Results = listOf(CallResult);

/** `mesh call`. */
export const callCommand: Command = {
  path: 'call',
  block: 'Every day',
  summary: 'Calls an action of one agent (by name), or of all that a glob or label names',
  args: 'TARGET ACTION [JSON]',
  minArgs: 2,
  maxArgs: 3,
  options: {
    any: { type: 'boolean', help: 'One ready instance of all that match: the least loaded.' },
    timeout: {
      type: 'string',
      value: 'TIME',
      help: 'How long to wait for the answer; default 5s.',
    },
  },
  examples: [
    `mesh call librarian search '{"q":"backup"}'`,
    "mesh call 'shard-*' stats",
    'mesh call team=search stats --any --timeout 2s',
    'echo \'{"q":"backup"}\' | mesh call librarian search -',
  ],
  answer: Results,
  async run({ api, options, positionals, print, readStdin, terminal }) {
    const [target = '', action = '', argument = '{}'] = positionals;
    const timeout = String(options['timeout'] ?? '5s');
    const timeoutMs = parseDuration(timeout);
    if (timeoutMs === undefined)
      throw new MeshError(
        'MESH_USAGE',
        `--timeout takes a time such as 500ms or 5s, not "${timeout}"`,
      );
    const args = parseArguments(argument === '-' ? await readStdin() : argument);
    const ask = { target, action, args, any: options['any'] === true, timeoutMs };
    const answer = await (
      await api()
    ).send('POST', '/v1/call', ask, Results, { timeoutMs: timeoutMs + 5000 });
    print(Results, answer, ({ items }) => {
      const [only] = items;
      if (items.length === 1 && only?.status === 'answered')
        return `${JSON.stringify(only.result, null, 2)}\n`;
      return items
        .map((item) => {
          const name = `${item.instance ?? item.agent}${item.node === undefined ? '' : ` on ${item.node}`}`;
          if (item.status === 'answered') return `${name}: ${JSON.stringify(item.result)}\n`;
          return `${name}: ${paint(terminal, 'red', item.status)} ${item.error?.message ?? ''} (${item.error?.code ?? ''})\n`;
        })
        .join('');
    });
    return exitOf(answer.items);
  },
};

/** That of the failures' code in docs/errors.md when they all have the same, else 1; 0 when all answered. */
function exitOf(items: readonly CallResult[]): number {
  const table = new Map<string, { readonly exit: number }>(Object.entries(errorTable));
  const exits = items
    .filter((item) => item.status !== 'answered')
    .map((item) => table.get(item.error?.code ?? '')?.exit ?? 1);
  const [first = 0, ...others] = exits;
  return others.every((exit) => exit === first) ? first : 1;
}

function parseArguments(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MeshError('MESH_INPUT_INVALID', `the action's arguments are not JSON: ${reason}`, {
      cause: error,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new MeshError(
    'MESH_INPUT_INVALID',
    `the action's arguments must be a JSON object such as '{"q":"backup"}'`,
  );
}
