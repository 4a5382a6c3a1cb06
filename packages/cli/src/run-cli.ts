import { MeshError, toMeshError, type FailureAnswer } from '@meshwork/shared';
import { z } from 'zod';
import type { CommandContext } from './command.ts';
import { commands } from './commands/index.ts';
import { renderCommandHelp, renderOverview } from './help.ts';
import { connectToMesh } from './mesh/connect.ts';
import { findMeshDir } from './mesh/find-mesh.ts';
import { paint, type Terminal } from './output/terminal.ts';
import { parseArgs, type ParsedArgs } from './parse-args.ts';

/** What the process hands in. */
export interface CliProcess extends Pick<
  CommandContext,
  'cwd' | 'env' | 'host' | 'terminal' | 'signal' | 'unread' | 'readStdin'
> {}

/** Runs one command line and returns its exit code (DESIGN's codes: 0 ok, 1 failed, 2 usage, 3 auth, ...). */
export async function runCli(argv: readonly string[], from: CliProcess): Promise<number> {
  const { terminal } = from;
  try {
    const parsed = parseArgs(argv, commands);
    if (parsed.kind === 'help') {
      terminal.out(
        parsed.command === undefined
          ? renderOverview(commands, parsed.prefix)
          : renderCommandHelp(parsed.command),
      );
      return 0;
    }
    return await parsed.command.run(await toContext(parsed, from));
  } catch (error) {
    // Ended by Ctrl-C or a signal: nothing failed, and nothing more is to be said.
    if (from.signal.aborted && !(error instanceof MeshError)) return 130;
    return printFailure(toMeshError(error), terminal, formOf(argv));
  }
}

async function toContext(
  parsed: Extract<ParsedArgs, { kind: 'run' }>,
  from: CliProcess,
): Promise<CommandContext> {
  const { options, positionals } = parsed;
  const format = options['output'] ?? 'table';
  const toYaml = format === 'yaml' ? (await import('yaml')).stringify : undefined;
  const meshDir = async () =>
    findMeshDir({
      cwd: from.cwd,
      dirOption: textOption(options['dir']),
      meshDirVariable: from.env['MESH_DIR'],
    });
  return {
    ...from,
    positionals,
    options,
    meshDir,
    api: async () => connectToMesh(await meshDir(), from.signal),
    print(schema, value, table) {
      if (format === 'json') from.terminal.out(`${JSON.stringify(schema.parse(value), null, 2)}\n`);
      else if (toYaml !== undefined) from.terminal.out(toYaml(schema.parse(value)));
      else from.terminal.out(table(value));
    },
    printItem(schema, value, table) {
      if (format === 'json') from.terminal.out(`${JSON.stringify(schema.parse(value))}\n`);
      else if (toYaml !== undefined) from.terminal.out(`---\n${toYaml(schema.parse(value))}`);
      else from.terminal.out(table(value));
    },
  };
}

/** The form that was asked for; told without the parser, which may be what fails. */
function formOf(argv: readonly string[]): string {
  for (const [index, word] of argv.entries()) {
    const given = /^(?:--output=|-o=?)(.+)$/.exec(word)?.[1];
    if (given !== undefined) return given;
    if (word === '-o' || word === '--output') return argv[index + 1] ?? '';
  }
  return 'table';
}

async function printFailure(error: MeshError, terminal: Terminal, form: string): Promise<number> {
  const answer: FailureAnswer = {
    error: { ...error.toBody(), retryable: error.row.retryable },
  };
  if (form === 'json') terminal.out(`${JSON.stringify(answer, null, 2)}\n`);
  else if (form === 'yaml') terminal.out((await import('yaml')).stringify(answer));
  terminal.err(`${paint(terminal, 'red', 'error')} ${error.message} (${error.code})\n`);
  const problems = error.details?.['problems'];
  if (Array.isArray(problems))
    for (const problem of problems) terminal.err(`  ${problemLine(problem)}\n`);
  if (error.code === 'MESH_INTERNAL' && error.stack !== undefined) terminal.err(`${error.stack}\n`);
  return error.row.exit;
}

/** A problem of a daemon has a path, one of a file a place; both a reason. */
const ProblemLine = z.object({
  where: z.string().optional(),
  source: z.string().optional(),
  line: z.int().optional(),
  path: z.union([z.string(), z.array(z.union([z.string(), z.number()]))]).optional(),
  reason: z.string(),
});

function problemLine(problem: unknown): string {
  const parsed = ProblemLine.safeParse(problem);
  if (!parsed.success) return JSON.stringify(problem);
  const { where, source, line, path, reason } = parsed.data;
  const place =
    where ??
    (source === undefined ? undefined : `${source}${line === undefined ? '' : `:${line}`}`);
  const key = Array.isArray(path) ? path.join('.') : path;
  return [place, place === undefined || source !== undefined ? key : undefined, reason]
    .filter((part) => part !== undefined)
    .join(': ');
}

function textOption(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
