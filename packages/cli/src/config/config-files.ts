import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigSources } from '@meshwork/platform';
import { MainNodeConfig, WorkerNodeConfig } from '@meshwork/shared';
import type { CommandContext } from '../command.ts';
import { settingsFile } from '../mesh/settings.ts';

/** The config files of the daemons of this mesh directory; a file need not exist. */
export async function listConfigFiles(context: Pick<CommandContext, 'meshDir'>) {
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

/** Where a daemon that is started from here takes its config from. */
export function sourcesOf({ env }: Pick<CommandContext, 'env'>, path: string): ConfigSources {
  const overlay = env['MESH_ENV'];
  return {
    file: { path, isRequired: existsSync(path) },
    ...(overlay === undefined ? {} : { overlay }),
    env,
  };
}
