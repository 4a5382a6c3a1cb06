import { ConfigCheck, ConfigSetting, listOf } from '@meshwork/shared';
import type { Command } from '../command.ts';

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
  answer: listOf(ConfigSetting),
  async run(context) {
    const { showConfigs } = await import('../config/show-configs.ts');
    return showConfigs(context);
  },
};

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
  answer: listOf(ConfigCheck),
  async run(context) {
    const { checkConfigs } = await import('../config/check-configs.ts');
    return checkConfigs(context);
  },
};
