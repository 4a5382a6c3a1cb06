import { Done } from '@meshwork/shared';
import type { Command } from '../command.ts';

/** `mesh down`. */
export const downCommand: Command = {
  path: 'down',
  block: 'Set up',
  summary: "Stops this folder's mesh and everything it runs; the next mesh up has the same agents",
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {},
  examples: ['mesh down'],
  answer: Done,
  async run(context) {
    const { takeDown } = await import('../up/take-down.ts');
    return takeDown(context);
  },
};
