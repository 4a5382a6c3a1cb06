import { Status } from '@meshwork/shared';
import type { Command } from '../command.ts';
import { isWell, renderStatus } from '../output/status-view.ts';

/** `mesh status`. */
export const statusCommand: Command = {
  path: 'status',
  block: 'Every day',
  summary: 'What runs where, and how sure that is',
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {
    check: {
      type: 'boolean',
      help: 'Exit 1 unless every node is alive and every agent as it should be.',
    },
  },
  examples: [
    'mesh status',
    'mesh status --check && echo all well',
    "mesh status -o json | jq '.agents[].state'",
  ],
  answer: Status,
  async run({ api, options, print, terminal }) {
    const status = await (await api()).get('/v1/status', Status);
    print(Status, status, (value) => renderStatus(terminal, value));
    if (options['check'] !== true) return 0;
    const accepted = status.nodes.filter((node) => node.admission === 'accepted');
    const isFine =
      accepted.every((node) => node.state === 'alive') &&
      status.agents.every(isWell) &&
      status.mesh.store.state === 'up';
    return isFine ? 0 : 1;
  },
};
