import { join } from 'node:path';
import { createLogger, createSystemClock, isSameProcess, readLock } from '@meshwork/platform';
import { Done, MeshError } from '@meshwork/shared';
import type { CommandContext } from '../command.ts';
import { settingsFile } from '../mesh/settings.ts';
import { createProgress } from '../output/progress.ts';
import { daemonPlans } from './daemon-plan.ts';
import { stopDaemons } from './stop-mesh.ts';

/** How long a living `mesh up` may take to stop everything, ms; a little more than it gives its daemons. */
const upWithinMs = 150_000;

/** `mesh down`: stops a folder's daemons and all they run, through the living `mesh up` where there is one. */
export async function takeDown(context: CommandContext): Promise<number> {
  const { meshDir, print, signal, terminal } = context;
  const mesh = await meshDir();
  const settings = await settingsFile(mesh).read();
  if (settings === undefined)
    throw new MeshError('MESH_NOT_FOUND_HERE', `${mesh.root} holds no mesh`);
  const clock = createSystemClock();
  const progress = createProgress(terminal);
  const logger = createLogger({ name: 'mesh down', destination: join(mesh.logs, 'down.log') });
  const up = readLock(mesh.root);
  if (up !== undefined) {
    // The living `mesh up` would start again what we stop; asked to end, it stops everything itself.
    progress.show(`asking mesh up (pid ${up.process.pid}) to stop everything`);
    process.kill(up.process.pid, 'SIGTERM');
    const untilMs = clock.monotonic() + upWithinMs;
    while (isSameProcess(up.process) && clock.monotonic() < untilMs) await clock.sleep(100, signal);
    if (isSameProcess(up.process)) {
      progress.note(`mesh up (pid ${up.process.pid}) does not end; ending it`);
      process.kill(up.process.pid, 'SIGKILL');
    }
  }
  await stopDaemons(daemonPlans(mesh, settings), {
    clock,
    logger,
    say: (line) => progress.note(line),
  });
  logger.close();
  const message = 'everything is stopped';
  progress.done(message);
  print(Done, { message }, () => '');
  return 0;
}
