import { createSystemClock } from '@meshwork/platform';
import { JoinResult } from '@meshwork/shared';
import type { CommandContext } from '../command.ts';
import { meshDirToMake } from '../mesh/find-mesh.ts';
import { createProgress } from '../output/progress.ts';
import { bringUp } from '../up/bring-up.ts';
import { joinMesh } from './join-mesh.ts';
import { readInvitation } from './read-invitation.ts';

/** `mesh join`: lets this folder into another machine's mesh, then runs its node as `mesh up` does. */
export async function runJoin(context: CommandContext): Promise<number> {
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
}

function textOf({ options }: CommandContext, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}
