/*
 * Invariant: as long as nobody else fills it, a daemon on a full disk has the space for the little that it must write: its lock,
 * its counters, what it was told, a run. The reserve is smaller than a segment of output, so the pumps that wait for space do
 * not take it.
 */
import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Component, Logger } from '@meshwork/shared';

/** Watches the disk of a data folder, and keeps something on it to give up. */
export interface DiskReserve extends Component {
  /** The reserve was given up and there is no space to lay it by again. */
  readonly isFull: boolean;
}

const RESERVE_BYTES = 512 * 1024;
/** Less is as good as nothing. */
const FULL_BYTES = 64 * 1024;
/** So much must be free before the reserve is laid by again. */
const ROOMY_BYTES = 4 * 1024 * 1024;
const LOOK_MS = 1_000;

/** A reserve in `dir`, looked after every second. Give it up before the start, too: {@link giveUpReserve}. */
export function createDiskReserve(
  dir: string,
  deps: { readonly clock: Clock; readonly logger: Logger },
): DiskReserve {
  const { clock, logger } = deps;
  const stopping = new AbortController();
  let isFull = false;
  let watching: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    const { freeBytes, hasReserve } = await giveUpReserve(dir);
    const isLaidBy = hasReserve || (freeBytes >= ROOMY_BYTES && (await layByReserve(dir)));
    if (isLaidBy !== isFull) return;
    isFull = !isLaidBy;
    if (isFull)
      logger.error({ dir, freeBytes }, 'disk is full: output of agents is cut, the node goes on');
    else logger.info({ dir, freeBytes }, 'disk has space again');
  }

  const lookWell = (): Promise<void> =>
    look().catch((err: unknown) => logger.warn({ dir, err }, 'free disk space could not be read'));

  return {
    name: 'disk reserve',
    get isFull() {
      return isFull;
    },
    async start() {
      await lookWell();
      watching = (async () => {
        for await (const _ of clock.ticks(LOOK_MS, stopping.signal)) await lookWell();
      })();
    },
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}

/** Gives the reserve of a data folder up where the disk is full; answers what there is now. */
export async function giveUpReserve(
  dir: string,
): Promise<{ readonly freeBytes: number; readonly hasReserve: boolean }> {
  const path = reserveIn(dir);
  const hasReserve = await stat(path).then(
    () => true,
    () => false,
  );
  const freeBytes = await freeBytesOf(dir);
  if (!hasReserve || freeBytes >= FULL_BYTES) return { freeBytes, hasReserve };
  await rm(path, { force: true });
  return { freeBytes: await freeBytesOf(dir), hasReserve: false };
}

/** Written, not only sized: an empty block frees nothing. */
async function layByReserve(dir: string): Promise<boolean> {
  const path = reserveIn(dir);
  try {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(Buffer.alloc(RESERVE_BYTES, 0xa5));
    } finally {
      await file.close();
    }
    return true;
  } catch {
    await rm(path, { force: true });
    return false;
  }
}

function reserveIn(dir: string): string {
  return join(dir, 'reserve');
}

async function freeBytesOf(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}
