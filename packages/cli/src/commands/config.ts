import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, showConfig } from '@meshwork/platform';
import { MainNodeConfig, toMeshError, WorkerNodeConfig } from '@meshwork/shared';
import { z } from 'zod';
import type { Command, CommandContext } from '../command.ts';
import { settingsFile } from '../mesh/settings.ts';
import { renderTable } from '../output/table.ts';

const ConfigRows = z.object({
  items: z.array(
    z.object({
      daemon: z.string(),
      path: z.string(),
      value: z.unknown().optional(),
      text: z.string(),
      source: z.string(),
    }),
  ),
});

/** `mesh config show`. */
export const configShowCommand: Command = {
  path: 'config show',
  block: 'Set up',
  summary: 'Every setting of the daemons of this mesh, its value and what set it',
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {},
  examples: ['mesh config show', 'MESH_HTTP_PORT=9000 mesh config show'],
  async run(context) {
    const items = [];
    for (const { daemon, schema, path } of await configFiles(context)) {
      const config = await loadConfig(schema, sourcesOf(context, path));
      items.push(...showConfig(schema, config).map((row) => ({ daemon, ...row })));
    }
    context.print(ConfigRows, { items }, (value) =>
      renderTable(value.items, [
        { title: 'daemon', cell: (row) => row.daemon },
        { title: 'setting', cell: (row) => row.path },
        { title: 'value', cell: (row) => row.text },
        { title: 'set by', cell: (row) => row.source },
      ]),
    );
    return 0;
  },
};

const Checks = z.object({
  items: z.array(
    z.object({
      daemon: z.string(),
      file: z.string(),
      ok: z.boolean(),
      problems: z.array(z.unknown()),
    }),
  ),
});

/** `mesh config check`. */
export const configCheckCommand: Command = {
  path: 'config check',
  block: 'Set up',
  summary: 'Checks the config files of this mesh without starting anything; every problem at once',
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {},
  examples: ['mesh config check'],
  async run(context) {
    const items: z.infer<typeof Checks>['items'] = [];
    for (const { daemon, schema, path } of await configFiles(context)) {
      try {
        await loadConfig(schema, sourcesOf(context, path));
        items.push({ daemon, file: path, ok: true, problems: [] });
      } catch (thrown) {
        const error = toMeshError(thrown);
        const problems = error.details?.['problems'];
        items.push({
          daemon,
          file: path,
          ok: false,
          problems: Array.isArray(problems) ? problems : [error.message],
        });
      }
    }
    context.print(Checks, { items }, (value) =>
      value.items
        .map(
          (item) =>
            `${item.daemon}: ${item.ok ? 'ok' : 'wrong'} (${item.file})\n${item.problems.map((problem) => `  ${toLine(problem)}\n`).join('')}`,
        )
        .join(''),
    );
    return items.every((item) => item.ok) ? 0 : 5;
  },
};

async function configFiles(context: CommandContext) {
  const mesh = await context.meshDir();
  const settings = await settingsFile(mesh).read();
  const main = {
    daemon: 'main node',
    schema: MainNodeConfig,
    path: join(mesh.mainNode, 'config.yaml'),
  };
  const workers = (settings?.nodes ?? []).map((node) => ({
    daemon: node.name as string,
    schema: WorkerNodeConfig,
    path: join(mesh.nodes, node.name, 'config.yaml'),
  }));
  return settings?.hasMainNode === false ? workers : [main, ...workers];
}

function sourcesOf(context: CommandContext, path: string) {
  return {
    file: { path, isRequired: existsSync(path) },
    overlay: context.env['MESH_ENV'],
    env: context.env,
  };
}

function toLine(problem: unknown): string {
  const parsed = z
    .object({
      source: z.string(),
      line: z.number().optional(),
      path: z.string(),
      reason: z.string(),
    })
    .safeParse(problem);
  if (!parsed.success) return String(problem);
  const { source, line, path, reason } = parsed.data;
  return `${source}${line === undefined ? '' : `:${line}`}: ${path}: ${reason}`;
}
