import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MeshError, parseFleet } from '@meshwork/shared';
import { LineCounter, parseDocument, type Document } from 'yaml';

/** A fleet file, decoded and free of problems that can be seen without a mesh. */
export interface FleetFile {
  readonly fleet: string;
  readonly document: unknown;
  readonly fleetDir: string;
}

/**
 * Reads a fleet file. Throws `MESH_FILE_UNREADABLE`, or `MESH_FLEET_INVALID` with every problem: file, line, path, reason.
 */
export async function readFleetFile(file: string, cwd: string): Promise<FleetFile> {
  const path = resolve(cwd, file);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new MeshError(
      'MESH_FILE_UNREADABLE',
      `cannot read the fleet file ${path}: ${error.code ?? error.message}`,
      { cause: error },
    );
  });
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, merge: true });
  if (yaml.errors.length > 0) {
    const problems = yaml.errors.map((error) => ({
      where: `${file}:${lines.linePos(error.pos[0]).line}`,
      reason: error.message.split('\n')[0] ?? error.code,
    }));
    throw invalid(file, problems);
  }
  const document: unknown = yaml.toJS();
  const fleetDir = dirname(path);
  const parsed = parseFleet(document, { fleetDir });
  if (parsed.ok) return { fleet: parsed.fleet.name, document, fleetDir };
  throw invalid(
    file,
    parsed.problems.map((problem) => ({
      where: `${file}:${lineOf(yaml, lines, problem.path)}`,
      path: problem.path,
      reason: `${problem.path.join('.')}: ${problem.reason}`,
    })),
  );
}

function invalid(file: string, problems: readonly object[]): MeshError {
  const count = `${problems.length} problem${problems.length === 1 ? '' : 's'}`;
  return new MeshError('MESH_FLEET_INVALID', `${file} has ${count}; nothing was applied`, {
    details: { problems },
  });
}

/** Line of the deepest part of the path that stands in the file (a problem may lie in `defaults`). */
function lineOf(
  yaml: Document.Parsed,
  lines: LineCounter,
  path: readonly (string | number)[],
): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = yaml.getIn(path.slice(0, depth), true);
    const range = (node as { range?: [number, number, number] } | undefined)?.range;
    if (range !== undefined) return lines.linePos(range[0]).line;
  }
  return 1;
}
