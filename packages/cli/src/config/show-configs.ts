import { loadConfig, showConfig } from '@meshwork/platform';
import { ConfigSetting, listOf } from '@meshwork/shared';
import type { CommandContext } from '../command.ts';
import { renderTable } from '../output/table.ts';
import { listConfigFiles, sourcesOf } from './config-files.ts';

const Settings = listOf(ConfigSetting);

/** `mesh config show`: what each daemon of this mesh would work with, were it started from here. */
export async function showConfigs(context: CommandContext): Promise<number> {
  const items: ConfigSetting[] = [];
  for (const { daemon, schema, path } of await listConfigFiles(context)) {
    const config = await loadConfig(schema, sourcesOf(context, path));
    items.push(...showConfig(schema, config).map((row) => ({ daemon, ...row })));
  }
  context.print(Settings, { items }, (value) =>
    renderTable(value.items, [
      { title: 'daemon', cell: (row) => row.daemon },
      { title: 'setting', cell: (row) => row.path },
      { title: 'value', cell: (row) => row.text },
      { title: 'set by', cell: (row) => row.source },
    ]),
  );
  return 0;
}
