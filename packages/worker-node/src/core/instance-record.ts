import { LastExit } from '@meshwork/shared';
import { z } from 'zod';
import {
  claimedPart,
  createInstanceState,
  type ClaimedState,
  type InstanceState,
} from './instance-state.ts';

/**
 * What a daemon leaves of one instance for the next one: its counters and what it was doing.
 *
 * Times are ms since boot and mean nothing after a reboot.
 */
export const InstanceRecord = z.object({
  bootId: z.string(),
  /** Nothing runs (`rest`), or a run was asked for and may live. */
  doing: z.enum([
    'waiting',
    'starting',
    'alive',
    'stopping',
    'stopped',
    'ended',
    'crashed',
    'crash-loop',
  ]),
  unclaimed: z.boolean(),
  sinceMs: z.number(),
  launch: z.int().nonnegative(),
  retryAtMs: z.number().optional(),
  history: z.object({
    launches: z.int().nonnegative(),
    crashes: z.int().nonnegative(),
    streak: z.int().nonnegative(),
    ends: z.int().nonnegative(),
    lastExit: LastExit.optional(),
  }),
  /** Identity of what the latest run was started as. */
  ranAs: z.string().optional(),
  /** `auto` ports that were picked, by name; kept over restarts. */
  autoPorts: z.record(z.string(), z.int()),
});
export type InstanceRecord = z.infer<typeof InstanceRecord>;

/** The part of a state that the next daemon needs. Two equal results need no second write. */
export function toRecord(
  state: InstanceState,
  rest: Pick<InstanceRecord, 'bootId' | 'autoPorts' | 'ranAs'>,
): InstanceRecord {
  const inner = claimedPart(state);
  const { history, sinceMs } = inner;
  const record: InstanceRecord = {
    ...rest,
    doing: doing(inner),
    unclaimed: state.status === 'unclaimed',
    sinceMs,
    launch: 'launch' in inner ? inner.launch : history.launches,
    history,
  };
  return 'retryAtMs' in inner ? { ...record, retryAtMs: inner.retryAtMs } : record;
}

/**
 * The state with which the next daemon begins.
 *
 * In the same boot a run may live: `unknown` until it was looked for. After a reboot nothing runs and old crashes do not
 * count: everything waits for its turn.
 */
export function fromRecord(record: InstanceRecord, bootId: string, nowMs: number): InstanceState {
  const inner = record.bootId === bootId ? sameBoot(record, nowMs) : otherBoot(record, nowMs);
  if (!record.unclaimed || inner.status === 'stopping') return inner;
  return { status: 'unclaimed', sinceMs: inner.sinceMs, inner };
}

function sameBoot(record: InstanceRecord, nowMs: number): ClaimedState {
  const { doing: was, history, sinceMs, retryAtMs } = record;
  switch (was) {
    case 'starting':
    case 'alive':
    case 'stopping':
      return { status: 'unknown', sinceMs: nowMs, history, launch: record.launch, was };
    case 'crashed':
    case 'ended':
      return { status: was, sinceMs, history, ...(retryAtMs === undefined ? {} : { retryAtMs }) };
    case 'waiting':
    case 'stopped':
    case 'crash-loop':
      return { status: was, sinceMs, history };
    default:
      return was satisfies never;
  }
}

function otherBoot(record: InstanceRecord, nowMs: number): ClaimedState {
  const history = { ...record.history, streak: 0, ends: 0 };
  if (record.doing === 'stopped') return { status: 'stopped', sinceMs: nowMs, history };
  return createInstanceState(nowMs, history);
}

function doing(state: ClaimedState): InstanceRecord['doing'] {
  switch (state.status) {
    case 'running':
    case 'ready':
      return 'alive';
    case 'unknown':
      return state.was;
    default:
      return state.status;
  }
}
