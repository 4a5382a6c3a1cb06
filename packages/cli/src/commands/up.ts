import { Done, HealthReport, Status } from '@meshwork/shared';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { meshDirToMake } from '../mesh/find-mesh.ts';
import { toNodeName } from '../mesh/settings.ts';

/** `mesh up`. */
export const upCommand: Command = {
  path: 'up',
  block: 'Set up',
  summary: "Runs this folder's mesh: a main node and a worker node; or the node that joined one",
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {
    detach: {
      type: 'boolean',
      short: 'd',
      help: 'Returns at once and leaves everything running; mesh down stops it.',
    },
    name: {
      type: 'string',
      value: 'NODE',
      help: 'Name of the node, when the folder has no mesh yet; default: the host.',
    },
  },
  examples: ['mesh up', 'mesh up --detach', 'mesh up --dir /srv/lab'],
  answer: z.union([Status, HealthReport, Done]),
  async run(context) {
    const { bringUp } = await import('../up/bring-up.ts');
    const name = context.options['name'] ?? context.host;
    const node = toNodeName(String(name));
    return bringUp(context, meshDirToMake(context), {
      name: 'mesh',
      hasMainNode: true,
      nodes: [{ name: node, vars: {} }],
    });
  },
};
