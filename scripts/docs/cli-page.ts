import { toCode, toNotice, toTable } from './markdown.ts';

/** One option, as the command table of `packages/cli` declares it. */
export interface OptionDoc {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly value?: string;
  readonly help: string;
}

/** One command, as the command table of `packages/cli` declares it. */
export interface CommandDoc {
  readonly path: string;
  readonly block: string;
  readonly summary: string;
  readonly args: string;
  readonly options: Readonly<Record<string, OptionDoc>>;
  readonly examples: readonly string[];
}

/** Every command with its options and examples, in the blocks of `mesh --help`. */
export function renderCli(
  commands: readonly CommandDoc[],
  commonOptions: Readonly<Record<string, OptionDoc>>,
): string {
  const blocks = Map.groupBy(commands, ({ block }) => block);
  return [
    toNotice('the command table in packages/cli'),
    '# mesh',
    '',
    'Exit codes: 0 ok, 1 failed, 2 usage, 3 auth, 4 unreachable, 5 invalid input, 6 not found.',
    '',
    'Every command takes:',
    '',
    ...renderOptions(commonOptions),
    ...[...blocks].flatMap(([block, members]) => [
      `## ${block}`,
      '',
      ...members.flatMap(renderCommand),
    ]),
  ].join('\n');
}

function renderCommand({ path, args, summary, options, examples }: CommandDoc): readonly string[] {
  return [
    `### mesh ${path}`,
    '',
    summary,
    '',
    '```sh',
    `mesh ${path} ${args}`.trim(),
    '```',
    '',
    ...(Object.keys(options).length === 0 ? [] : renderOptions(options)),
    ...(examples.length === 0 ? [] : ['For example:', '', '```sh', ...examples, '```', '']),
  ];
}

function renderOptions(options: Readonly<Record<string, OptionDoc>>): readonly string[] {
  const rows = Object.entries(options).map(([name, { type, short, value, help }]) => {
    const long = `--${name}${type === 'string' ? ` ${value ?? 'VALUE'}` : ''}`;
    return [toCode(short === undefined ? long : `-${short}, ${long}`), help];
  });
  return [...toTable(['Option', 'Meaning'], rows), ''];
}
