import { HealthReport } from '@meshwork/shared';
import type { CommandContext } from '../command.ts';
import { checkMachine } from './check-machine.ts';
import { checkMesh } from './check-mesh.ts';
import type { Finding } from './finding.ts';
import { findMeshDir, type MeshDir } from '../mesh/find-mesh.ts';
import { paint } from '../output/terminal.ts';

/** `mesh doctor`: looks at this machine, and at the mesh of this folder where there is one. */
export async function runDoctor(context: CommandContext): Promise<number> {
  const mesh = findHere(context);
  const findings: Finding[] = await checkMachine({
    env: context.env,
    dir: mesh?.root ?? context.cwd,
  });
  if (mesh !== undefined) findings.push(...(await checkMesh(mesh)));
  const isFine = findings.every((finding) => finding.healthy);
  const report: HealthReport = {
    status: isFine ? 'ok' : 'failed',
    timestamp: new Date().toISOString(),
    checks: findings,
  };
  context.print(HealthReport, report, ({ checks }) => {
    const width = Math.max(...checks.map((check) => check.name.length));
    const lines = checks.map((check) => {
      const mark = check.healthy
        ? paint(context.terminal, 'green', 'ok   ')
        : paint(context.terminal, 'red', 'wrong');
      return `${mark}  ${check.name.padEnd(width)}  ${check.message}\n`;
    });
    const where = mesh === undefined ? 'there is no mesh in this folder or above\n' : '';
    return `${lines.join('')}${where}`;
  });
  return isFine ? 0 : 1;
}

function findHere(context: CommandContext): MeshDir | undefined {
  const { dir } = context.options;
  try {
    return findMeshDir({
      cwd: context.cwd,
      dirOption: typeof dir === 'string' ? dir : undefined,
      meshDirVariable: context.env['MESH_DIR'],
    });
  } catch {
    // Doctor is for before there is one, too.
    return undefined;
  }
}
