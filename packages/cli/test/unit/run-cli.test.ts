import { FailureAnswer } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commands } from '../../src/commands/index.ts';
import { runCli } from '../../src/run-cli.ts';

const never = new AbortController().signal;

/** Runs one command line in a folder where no mesh can be. */
async function type(...argv: readonly string[]) {
  let out = '';
  let err = '';
  const code = await runCli(argv, {
    cwd: '/proc',
    env: {},
    host: 'pc',
    terminal: {
      out: (text) => (out += text),
      err: (text) => (err += text),
      isInteractive: false,
      columns: 100,
    },
    signal: never,
    unread: never,
    readStdin: async () => '',
  });
  return { code, out, err };
}

describe('--help', () => {
  it.each(commands.map(({ path }) => path))('of mesh %s shows how it is used', async (path) => {
    const { code, out } = await type(...path.split(' '), '--help');

    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^usage: mesh ${path}`));
    expect(out).toContain('-o, --output table|json|yaml');
    expect(out).toMatch(/Examples\n.*mesh /);
    expect(out.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });

  it('alone shows every command', async () => {
    const { code, out } = await type('--help');

    expect(code).toBe(0);
    for (const { path } of commands) expect(out).toContain(`  ${path}`);
  });
});

describe('a failure', () => {
  it('is told in the form that was asked for, and in words beside it', async () => {
    const json = await type('status', '-o', 'json');
    const yaml = await type('status', '--output=yaml');
    const table = await type('status');

    expect(FailureAnswer.parse(JSON.parse(json.out)).error.code).toBe('MESH_NOT_FOUND_HERE');
    expect(FailureAnswer.parse(parse(yaml.out)).error.code).toBe('MESH_NOT_FOUND_HERE');
    expect(table.out).toBe('');
    expect([json.code, yaml.code, table.code]).toEqual([4, 4, 4]);
    expect(json.err).toBe(table.err);
  });

  it('of the command line itself is one too', async () => {
    const { code, out } = await type('status', '--chek', '-ojson');

    expect(code).toBe(2);
    expect(FailureAnswer.parse(JSON.parse(out)).error).toMatchObject({ code: 'MESH_USAGE' });
  });

  it.each([
    { argv: ['statsu'], code: 2 },
    { argv: ['join', 'mesh1-nothing'], code: 5 },
    { argv: ['join', '--main', 'pc1'], code: 2 },
    { argv: ['join', '--main', 'pc1', '--server-key', 'short'], code: 5 },
    { argv: ['join', '--file', 'missing.txt'], code: 5 },
    { argv: ['join'], code: 2 },
    { argv: ['join', 'mesh1-a', '--file', 'b'], code: 2 },
    { argv: ['plan', 'missing.yaml'], code: 5 },
    { argv: ['call', 'a', 'b', '{'], code: 5 },
    { argv: ['call', 'a', 'b', '--timeout', 'soon'], code: 2 },
    { argv: ['agent', 'logs', 'a', '-n', 'many'], code: 2 },
  ])('of mesh $argv has exit code $code', async ({ argv, code }) => {
    expect((await type(...argv)).code).toBe(code);
  });
});
