import { parseArgs as parseNodeArgs } from 'node:util';
import { MeshError } from '@meshwork/shared';
import type { Command, OptionSpec } from './command.ts';

/** Options that every command takes. */
export const commonOptions = {
  dir: {
    type: 'string',
    value: 'DIR',
    help: 'Mesh directory; else MESH_DIR, the nearest .mesh upwards, the installed one.',
  },
  output: { type: 'string', short: 'o', value: 'table|json|yaml', help: 'Form of the answer.' },
  help: { type: 'boolean', short: 'h', help: 'Shows this.' },
} as const satisfies Record<string, OptionSpec>;

/** A command line, taken apart. */
export type ParsedArgs =
  | { readonly kind: 'help'; readonly command?: Command; readonly prefix?: string }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly positionals: readonly string[];
      readonly options: Readonly<Record<string, string | boolean | undefined>>;
    };

/**
 * Finds the command and checks its options and positionals.
 *
 * Throws `MESH_USAGE`, naming the nearest word, for anything that no command takes.
 */
export function parseArgs(argv: readonly string[], commands: readonly Command[]): ParsedArgs {
  const words = argv.filter((word) => !word.startsWith('-'));
  const command = findCommand(argv, commands);
  if (command === undefined) {
    const [first] = words;
    if (first === undefined || first === 'help') return { kind: 'help' };
    if (commands.some((candidate) => candidate.path.startsWith(`${first} `))) {
      if (words[1] === undefined) return { kind: 'help', prefix: first };
      throw unknownCommand(`${first} ${words[1]}`, commands);
    }
    throw unknownCommand(first, commands);
  }
  const rest = argv.slice(command.path.split(' ').length);
  const specs: Record<string, OptionSpec> = { ...commonOptions, ...command.options };
  const { values, positionals } = parseStrictly(command, rest, specs);
  if (values['help'] === true) return { kind: 'help', command };
  const output = values['output'];
  if (output !== undefined && output !== 'table' && output !== 'json' && output !== 'yaml') {
    throw new MeshError(
      'MESH_USAGE',
      `--output takes table, json or yaml, not "${String(output)}"`,
    );
  }
  if (positionals.length < command.minArgs || positionals.length > command.maxArgs) {
    throw new MeshError('MESH_USAGE', `usage: mesh ${command.path} ${command.args}`.trim());
  }
  return { kind: 'run', command, positionals, options: values };
}

function findCommand(argv: readonly string[], commands: readonly Command[]): Command | undefined {
  const [first = '', second = ''] = argv;
  return (
    commands.find((command) => command.path === `${first} ${second}`) ??
    commands.find((command) => command.path === first)
  );
}

function parseStrictly(
  command: Command,
  args: readonly string[],
  specs: Readonly<Record<string, OptionSpec>>,
) {
  try {
    const options = Object.fromEntries(
      Object.entries(specs).map(([name, { type, short }]) => [
        name,
        short === undefined ? { type } : { type, short },
      ]),
    );
    return parseNodeArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. To specify')[0] : String(error);
    throw new MeshError(
      'MESH_USAGE',
      `mesh ${command.path}: ${reason}; see mesh ${command.path} --help`,
      { cause: error },
    );
  }
}

function unknownCommand(typed: string, commands: readonly Command[]): MeshError {
  const near = commands
    .map((command) => ({ path: command.path, distance: editDistance(typed, command.path) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  const hint =
    near !== undefined && near.distance <= 3
      ? `; did you mean "mesh ${near.path}"?`
      : '; see mesh --help';
  return new MeshError('MESH_USAGE', `there is no command "mesh ${typed}"${hint}`);
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
