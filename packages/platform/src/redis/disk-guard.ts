import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError, formatBytes, type Clock, type Component, type Logger } from '@meshwork/shared';
import { judgeDisk, type DiskPolicy, type DiskState } from './judge-disk.ts';

/** Watches the disk under the store. */
export interface DiskGuard extends Component {
  readonly state: DiskState;
  /** Looks now instead of at the next tick. */
  look(): Promise<DiskState>;
  /** Free space as of the last look. */
  freeBytes(): number;
  /** Why a change must be refused now; undefined when it need not. */
  refusal(): MeshError | undefined;
}

const LOOK_MS = 1_000;

/** Keeps a ballast file in `dir`, and says when the disk gets low. Looks every second. */
export function createDiskGuard(
  options: DiskPolicy & { readonly dir: string },
  deps: { readonly clock: Clock; readonly logger: Logger },
): DiskGuard {
  const { dir, minFreeBytes, ballastBytes } = options;
  const { clock, logger } = deps;
  const ballastPath = join(dir, 'ballast');
  const stopping = new AbortController();
  let state: DiskState = 'ok';
  let freeBytes = 0;
  let watching: Promise<void> = Promise.resolve();

  async function look(): Promise<DiskState> {
    freeBytes = await freeBytesOf(dir);
    const hasBallast = await stat(ballastPath).then(
      () => true,
      () => false,
    );
    const judged = judgeDisk({ freeBytes, hasBallast }, options);
    // Changes are refused before the ballast goes, so that none of them takes what was freed for what is under way.
    if (judged.state !== state) {
      const level = judged.state === 'ok' ? 'info' : 'error';
      logger[level](
        { dir, freeBytes, minFreeBytes, before: state, state: judged.state },
        'disk of the store changed state',
      );
      state = judged.state;
    }
    if (judged.ballast === 'free') {
      await rm(ballastPath, { force: true });
      logger.error(
        { dir, freeBytes, ballastBytes },
        'disk is nearly full, the ballast file was freed for the store',
      );
      freeBytes = await freeBytesOf(dir);
    }
    if (judged.ballast === 'make') await makeBallast();
    return state;
  }

  /** Written, not only sized: an empty block frees nothing. */
  async function makeBallast(): Promise<void> {
    try {
      const file = await open(ballastPath, 'wx', 0o600);
      try {
        const block = Buffer.alloc(1024 * 1024, 0xa5);
        for (let left = ballastBytes; left > 0; left -= block.length)
          await file.write(block, 0, Math.min(left, block.length));
      } finally {
        await file.close();
      }
    } catch (error) {
      await rm(ballastPath, { force: true });
      logger.warn({ dir, err: error }, 'ballast file could not be made');
    }
  }

  async function watch(): Promise<void> {
    for await (const _ of clock.ticks(LOOK_MS, stopping.signal)) {
      await look().catch((error: unknown) =>
        logger.warn({ dir, err: error }, 'free disk space could not be read'),
      );
    }
  }

  return {
    name: 'disk guard',
    get state() {
      return state;
    },
    look,
    freeBytes: () => freeBytes,
    refusal() {
      if (state === 'ok') return undefined;
      const free = `${formatBytes(freeBytes)} free, ${formatBytes(minFreeBytes)} wanted`;
      return new MeshError(
        'MESH_STORE_DISK_FULL',
        `the disk of ${dir} is ${state} (${free}); changes are refused until space is freed`,
        {
          details: { dir, freeBytes, minFreeBytes },
        },
      );
    },
    async start() {
      await look();
      watching = watch();
    },
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}

async function freeBytesOf(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}
