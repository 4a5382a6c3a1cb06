import { Status } from '@meshwork/shared';
import type { Command } from '../command.ts';

/** `mesh start`. */
export const startCommand: Command = {
  path: 'start',
  block: 'Set up',
  summary: 'Runs the example mesh: two worker nodes and 77 agents, in .mesh/example',
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {
    documents: {
      type: 'string',
      value: 'DIR',
      help: "Folder that the example's search indexes; default: this repository.",
    },
  },
  examples: ['mesh start', 'mesh start --documents ~/notes'],
  answer: Status,
  async run(context) {
    const { startExample } = await import('../up/start-example.ts');
    return startExample(context);
  },
};
