import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { prepareSegments } from './log/segments.ts';
import { isAlive } from './proc.ts';
import type { ProcessTable } from './process-table.ts';
import type { RunRecord } from './run-file.ts';
import { LATER_PUMP_SCRIPT, toPumpParameters } from './shim-script.ts';
import type { ShellTools } from './shell-tools.ts';

/**
 * Gives a living program a new pump when its own was killed.
 *
 * The shim keeps the pipe open, so nothing is lost meanwhile: the program waits once the pipe is full. What the killed pump had
 * started still copies until its segment is full, and is waited for: two readers would mix the output up.
 */
export function mendPump(
  path: string,
  record: RunRecord,
  table: ProcessTable,
  tools: ShellTools,
): void {
  const { header, main, pump, shim } = record;
  if (main === undefined || pump === undefined || shim === undefined) return;
  if (isAlive(pump) || !isAlive(shim) || !isAlive(main)) return;
  const readers = table
    .candidates(header.cookie, shim.startTicks)
    .filter((stat) => stat.session === shim.pid && stat.pid !== shim.pid && stat.pid !== main.pid);
  if (readers.length > 0) return;
  const start = prepareSegments(header.log, { isSameRun: true });
  const parameters = toPumpParameters({ ...header.log, ...start, tools });
  const fd = openSync(path, 'a');
  try {
    const child = spawn(
      tools.sh,
      ['-c', 'eval "$MESH_SHIM"', 'mesh-pump', `/proc/${shim.pid}/fd/5`, ...parameters],
      {
        cwd: '/',
        env: { MESH_SHIM: LATER_PUMP_SCRIPT },
        detached: true,
        stdio: ['ignore', fd, fd],
      },
    );
    // One that could not be started is tried again at the next look.
    child.on('error', () => {});
    child.unref();
  } finally {
    closeSync(fd);
  }
}
