import { createStateFile } from '@meshwork/platform';
import type { Logger } from '@meshwork/shared';
import { z } from 'zod';

/** Where the control port was bound last, beyond what the config says. */
export interface Listening {
  readonly port: number | undefined;
  /** Hosts that an invite opened. */
  readonly hosts: readonly string[];
}

/** `DIR/listen.json`: an invite opens the port for good, and a free port stays the same over restarts. */
export interface ListeningFile {
  read(): Promise<Listening>;
  keep(change: Partial<Listening>): Promise<void>;
}

const Kept = z.object({ port: z.int().optional(), hosts: z.array(z.string()) });

/** Opens the file; one that is damaged counts as empty, since everything in it can be found anew. */
export function createListeningFile(path: string, logger: Logger): ListeningFile {
  const file = createStateFile({ path, format: 'mesh-listen', version: 1, schema: Kept });

  async function read(): Promise<Listening> {
    const kept = await file.read().catch((error: unknown) => {
      logger.warn({ err: error }, 'which addresses were open could not be read');
      return undefined;
    });
    return { port: kept?.port, hosts: kept?.hosts ?? [] };
  }

  return {
    read,
    async keep(change) {
      const before = await read();
      const after = { ...before, ...change };
      if (JSON.stringify(before) === JSON.stringify(after)) return;
      await file.write({
        ...(after.port === undefined ? {} : { port: after.port }),
        hosts: [...after.hosts],
      });
    },
  };
}
