import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { parseArgs } from '../../src/parse-args.ts';

const parse = (...argv: string[]) => parseArgs(argv, commands);

describe('parseArgs', () => {
  it('finds a command of two words and gives it the rest', () => {
    const parsed = parse('agent', 'logs', 'librarian', '-f', '--tail', '10');

    expect(parsed).toMatchObject({
      kind: 'run',
      positionals: ['librarian'],
      options: { follow: true, tail: '10' },
    });
  });

  it('shows the commands of a block word that has none itself', () => {
    expect(parse('node')).toEqual({ kind: 'help', prefix: 'node' });
  });

  it('shows help of a command before it looks at its arguments', () => {
    expect(parse('call', '--help')).toMatchObject({ kind: 'help', command: { path: 'call' } });
  });

  it.each([
    { argv: ['statsu'], message: 'did you mean "mesh status"' },
    { argv: ['node', 'revok', 'x'], message: 'did you mean "mesh node revoke"' },
    { argv: ['call', 'librarian'], message: 'usage: mesh call TARGET ACTION [JSON]' },
    { argv: ['status', '--chek'], message: '--chek' },
    { argv: ['status', '-o', 'xml'], message: 'table, json or yaml' },
    { argv: ['apply'], message: 'usage: mesh apply FILE' },
  ])('refuses $argv with the way to mend it', ({ argv, message }) => {
    expect(() => parse(...argv)).toThrow(
      expect.objectContaining({ code: 'MESH_USAGE', message: expect.stringContaining(message) }),
    );
  });
});

describe('the command table', () => {
  it('has no two commands of one name, and an example for each', () => {
    const paths = commands.map((command) => command.path);

    expect(new Set(paths).size).toBe(paths.length);
    expect(
      commands.filter((command) => !command.examples.every((example) => example.includes('mesh'))),
    ).toEqual([]);
  });

  it.each(
    commands.flatMap((command) =>
      command.examples.map((example) => ({ path: command.path, example })),
    ),
  )('parses its own example: $example', ({ path, example }) => {
    const own = example.slice(example.indexOf('mesh ') + 5).split(/ (?:\||&&|>) /)[0] ?? '';
    const words = own.match(/'[^']*'|\S+/g)?.map((word) => word.replaceAll("'", '')) ?? [];

    const parsed = parse(...words);

    expect(parsed).toMatchObject({ kind: 'run' });
    expect(commands.map((command) => command.path)).toContain(path);
  });
});
