import type { Block, Command, OptionSpec } from './command.ts';
import { commonOptions } from './parse-args.ts';

const blocks: readonly Block[] = ['Every day', 'Set up', 'Operate'];

/** `mesh --help`, or with a prefix the commands that begin with it. */
export function renderOverview(commands: readonly Command[], prefix?: string): string {
  const shown =
    prefix === undefined
      ? commands
      : commands.filter((command) => command.path.startsWith(`${prefix} `));
  const width = Math.max(...shown.map((command) => heading(command).length));
  const parts = blocks.flatMap((block) => {
    const rows = shown.filter((command) => command.block === block);
    if (rows.length === 0) return [];
    const lines = rows.map((command) => `  ${heading(command).padEnd(width)}  ${command.summary}`);
    return [`${block}\n${lines.join('\n')}`];
  });
  const intro = prefix === undefined ? 'mesh: runs a fleet of agents over your PCs\n\n' : '';
  return `${intro}${parts.join('\n\n')}\n\nmesh COMMAND --help shows options and examples. Every command takes -o table|json|yaml and --dir DIR.\n`;
}

/** `mesh COMMAND --help`. */
export function renderCommandHelp(command: Command): string {
  const options = { ...command.options, ...commonOptions };
  const rows = Object.entries(options).map(
    ([name, spec]) => [optionForm(name, spec), spec.help] as const,
  );
  const width = Math.max(...rows.map(([form]) => form.length));
  const lines = rows.map(([form, help]) => `  ${form.padEnd(width)}  ${help}`);
  const examples = command.examples.map((example) => `  ${example}`);
  return [
    `usage: mesh ${heading(command)}`,
    '',
    command.summary,
    '',
    'Options',
    ...lines,
    ...(examples.length === 0 ? [] : ['', 'Examples', ...examples]),
    '',
  ].join('\n');
}

function heading(command: Command): string {
  return `${command.path} ${command.args}`.trim();
}

function optionForm(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
  return `${short}--${name}${spec.type === 'string' ? ` ${spec.value ?? 'VALUE'}` : ''}`;
}
