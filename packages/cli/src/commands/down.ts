import { join } from 'node:path';
import { createLogger, createSystemClock, isSameProcess, readLock } from '@meshwork/platform';
import { Done, MeshError } from '@meshwork/shared';
import type { Command } from '../command.ts';
import { settingsFile } from '../mesh/settings.ts';
import { createProgress } from '../output/progress.ts';
import { daemonPlans } from '../up/daemon-plan.ts';
import { stopDaemons } from '../up/stop-mesh.ts';

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
  async run({ meshDir, print, signal, terminal }) {
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
      while (isSameProcess(up.process)) await clock.sleep(100, signal);
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
  },
};
