import { JoinResult } from '@meshwork/shared';
import type { Command } from '../command.ts';

/** `mesh join`. */
export const joinCommand: Command = {
  path: 'join',
  block: 'Set up',
  summary: 'Makes this PC a node of the mesh that the token is of, and runs it like mesh up',
  args: '[TOKEN|-]',
  minArgs: 0,
  maxArgs: 1,
  options: {
    file: { type: 'string', value: 'FILE', help: 'File that holds the token.' },
    main: {
      type: 'string',
      value: 'HOST:PORT',
      help: 'Without a token: asks there, and waits until a person accepts the key.',
    },
    'server-key': { type: 'string', value: 'KEY', help: "The main node's key, with --main." },
    name: {
      type: 'string',
      value: 'NODE',
      help: 'Name of this node; default: the one in the token, else the host.',
    },
    detach: {
      type: 'boolean',
      short: 'd',
      help: 'Returns when the node runs, and leaves it running; mesh down stops it.',
    },
  },
  examples: [
    'mesh join mesh1-WyI0ZjE5',
    'mesh join --file token.txt --name pc2 --detach',
    'ssh main-pc mesh node invite -o json | jq -r .token | mesh join -',
    "mesh join --main 192.168.1.5:5551 --server-key='rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'",
  ],
  answer: JoinResult,
  async run(context) {
    const { runJoin } = await import('../join/run-join.ts');
    return runJoin(context);
  },
};
