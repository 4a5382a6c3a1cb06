import { createSystemClock } from '@meshwork/platform';
import { JoinResult } from '@meshwork/shared';
import type { Command, CommandContext } from '../command.ts';
import { joinMesh } from '../join/join-mesh.ts';
import { readInvitation } from '../join/read-invitation.ts';
import { createProgress } from '../output/progress.ts';
import { bringUp } from '../up/bring-up.ts';
import { meshDirToMake } from './up.ts';

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
  async run(context) {
    const { host, options, positionals, print, signal, terminal } = context;
    const mesh = meshDirToMake(context);
    const invitation = await readInvitation({
      token: positionals[0],
      file: textOf(context, 'file'),
      main: textOf(context, 'main'),
      serverKey: textOf(context, 'server-key'),
      cwd: context.cwd,
      readStdin: context.readStdin,
    });
    const progress = createProgress(terminal);
    const clock = createSystemClock();
    const name = textOf(context, 'name');
    const joined = await joinMesh({ mesh, invitation, name, host, progress, clock, signal });
    progress.done(`joined as ${joined.node}, key ${joined.fingerprint}`);
    print(JoinResult, joined, () => '');
    // One answer a command: in another form than the table it is the one above.
    const isTable = (options['output'] ?? 'table') === 'table';
    const rest = isTable ? context : { ...context, print: () => {} };
    return bringUp(rest, mesh, { name: 'mesh', hasMainNode: false, nodes: [] });
  },
};

function textOf({ options }: CommandContext, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}
