import type { Clock } from '@meshwork/shared';
import { signalProcess } from './end-tree.ts';
import { isAlive } from './proc.ts';
import type { ProcessTable } from './process-table.ts';
import type { RunRecord } from './run-file.ts';

/** A run whose program and tree are gone, with what stood beside them. */
export interface KeepersOptions {
  /** The record as it is now. */
  readRecord(): RunRecord;
  /** Resolves when the exit is known. */
  readonly exit: Promise<unknown>;
  /** Takes note of an exit that was written. */
  look(): void;
  readonly abort: AbortSignal;
}

/** The shim writes the exit within milliseconds of it. */
const EXIT_WRITTEN_MS = 2_000;
/** A pump copies what is left in the pipe, then ends by itself. */
const PUMP_ENDS_MS = 2_000;
const LOOK_MS = 1;

/** Waits until the shim has recorded the exit and the pump has written the last byte; ends what does not get there. */
export async function endKeepers(
  options: KeepersOptions,
  deps: { readonly clock: Pick<Clock, 'monotonic' | 'sleep'>; readTable(): Promise<ProcessTable> },
): Promise<void> {
  const { abort, look } = options;
  look();
  await settle(options.exit, EXIT_WRITTEN_MS, abort, deps.clock);
  look();
  const limitMs = deps.clock.monotonic() + PUMP_ENDS_MS;
  while (isPumping(options.readRecord()) && !abort.aborted) {
    if (deps.clock.monotonic() >= limitMs) break;
    await settle(new Promise<never>(() => {}), LOOK_MS, abort, deps.clock);
  }
  const record = options.readRecord();
  const { header, main, pump, shim } = record;
  if (abort.aborted || !(isPumping(record) || (shim !== undefined && isAlive(shim)))) return;
  const table = await deps.readTable();
  const sinceTicks = shim?.startTicks ?? main?.startTicks ?? 0;
  // The sessions are ours as long as one of the two lives in them; a pump that was replaced has one of its own.
  const sessions = [shim?.pid, ...(pump !== undefined && isAlive(pump) ? [pump.session] : [])];
  for (const stat of table.candidates(header.cookie, sinceTicks)) {
    if (sessions.includes(stat.session)) signalProcess(stat, 'SIGKILL', header.cookie);
  }
  look();
  await settle(options.exit, EXIT_WRITTEN_MS, abort, deps.clock);
}

/** A pump that has not written its line yet has yet to copy. */
function isPumping({ pump }: RunRecord): boolean {
  return pump === undefined || isAlive(pump);
}

/** Waits for a promise, for so long at most. */
async function settle(
  promise: Promise<unknown>,
  ms: number,
  abort: AbortSignal,
  clock: Pick<Clock, 'sleep'>,
): Promise<void> {
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  abort.addEventListener('abort', stop, { once: true });
  await Promise.race([promise, clock.sleep(ms, enough.signal).catch(() => {})]);
  abort.removeEventListener('abort', stop);
  enough.abort();
}
