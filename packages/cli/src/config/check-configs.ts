import { loadConfig } from '@meshwork/platform';
import { ConfigCheck, listOf, toMeshError } from '@meshwork/shared';
import type { CommandContext } from '../command.ts';
import { listConfigFiles, sourcesOf } from './config-files.ts';

const Checks = listOf(ConfigCheck);

/** `mesh config check`: 0 when every file is right, else 5. */
export async function checkConfigs(context: CommandContext): Promise<number> {
  const items: ConfigCheck[] = [];
  for (const { daemon, schema, path } of await listConfigFiles(context)) {
    const about = { daemon, file: path };
    try {
      await loadConfig(schema, sourcesOf(context, path));
      items.push({ ...about, ok: true, problems: [] });
    } catch (error) {
      items.push({ ...about, ok: false, problems: problemsOf(error, path) });
    }
  }
  context.print(Checks, { items }, (value) => value.items.map(renderCheck).join(''));
  return items.every((item) => item.ok) ? 0 : 5;
}

function problemsOf(error: unknown, path: string): ConfigCheck['problems'] {
  const { details, message } = toMeshError(error);
  const problems = ConfigCheck.shape.problems.safeParse(details?.['problems']);
  return problems.success ? problems.data : [{ source: path, path: '', reason: message }];
}

function renderCheck({ daemon, file, ok, problems }: ConfigCheck): string {
  const lines = problems.map(({ source, line, path, reason }) => {
    const place = line === undefined ? source : `${source}:${line}`;
    return `  ${[place, path, reason].filter((part) => part !== '').join(': ')}\n`;
  });
  return `${daemon}: ${ok ? 'ok' : 'wrong'} (${file})\n${lines.join('')}`;
}
