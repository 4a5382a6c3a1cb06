import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { MeshError } from '@meshwork/shared';
import { z } from 'zod';
import { writeFileDurable } from './write-file-durable.ts';

/** What a state file holds and which release wrote it. */
export interface StateFileOptions<T> {
  readonly path: string;
  /** Says what the file is, e.g. `mesh-node-state`; another format is refused. */
  readonly format: string;
  /** Version this release writes. Release N reads N-1, so a schema only gains optional fields. */
  readonly version: number;
  readonly schema: z.ZodType<T>;
  /** Default 0600. */
  readonly mode?: number;
}

/** One JSON document on disk, `{format, version, sha256, data}`, replaced as a whole. */
export interface StateFile<T> {
  /**
   * The document, or undefined when there is no file.
   *
   * Throws MESH_STATE_TORN when the file is damaged or is something else, MESH_FORMAT_NEWER when a newer release wrote it.
   */
  read(): Promise<T | undefined>;
  /** Resolves when the new document is on the disk. Writes of one file go one after the other, in the order of the calls. */
  write(data: T): Promise<void>;
}

const Header = z.object({
  format: z.string(),
  version: z.int(),
  sha256: z.string(),
  data: z.json(),
});

/** A durable JSON file that knows when it is torn, foreign or from a newer release. */
export function createStateFile<T>(options: StateFileOptions<T>): StateFile<T> {
  const { path, format, version, schema } = options;
  let last: Promise<void> = Promise.resolve();

  function torn(reason: string, cause?: unknown): MeshError {
    return new MeshError('MESH_STATE_TORN', `cannot use ${path}: ${reason}`, {
      details: { path, reason },
      cause,
    });
  }

  return {
    async read() {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return undefined;
      const header = Header.safeParse(parseJson(text));
      if (!header.success) throw torn('it is cut off or not one of our state files');
      if (header.data.format !== format)
        throw torn(`it holds ${header.data.format}, not ${format}`);
      if (header.data.version > version) {
        throw new MeshError(
          'MESH_FORMAT_NEWER',
          `cannot read ${path}: it has version ${header.data.version} of ${format}, this release reads up to ${version}; start the newer release`,
          { details: { path, format, version: header.data.version, readable: version } },
        );
      }
      if (header.data.sha256 !== digest(header.data.data))
        throw torn('its content does not fit its checksum');
      const data = schema.safeParse(header.data.data);
      if (!data.success) throw torn(z.prettifyError(data.error), data.error);
      return data.data;
    },
    write(data) {
      const text = `${JSON.stringify({ format, version, sha256: digest(data), data })}\n`;
      last = last.catch(() => {}).then(() => writeFileDurable(path, text, options.mode));
      return last;
    },
  };
}

function digest(data: unknown): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
