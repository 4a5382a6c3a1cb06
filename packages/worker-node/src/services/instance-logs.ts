import {
  MeshError,
  type AgentLogs,
  type Clock,
  type InstanceId,
  type LogCursor,
} from '@meshwork/shared';
import type { z } from 'zod';

/** A part of an instance's output, as the platform reads it. */
export interface OutputPage {
  readonly lines: readonly { readonly text: string; readonly next: LogCursor }[];
  readonly cursor: LogCursor;
  readonly atEnd: boolean;
  readonly droppedSegments: number;
}

/** What reading output needs from outside. */
export interface InstanceLogsDeps {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  /** Whether this node has, or had, such an instance. */
  knows(instance: InstanceId): boolean;
  read(
    instance: InstanceId,
    options: {
      readonly cursor?: LogCursor;
      readonly tailLines?: number;
      readonly maxBytes: number;
    },
  ): Promise<OutputPage>;
  /** Resolves when there may be more, or the signal aborts. */
  untilMore(instance: InstanceId, from: LogCursor, signal: AbortSignal): Promise<void>;
}

/** Of encoded lines; a message is at most 1 MiB. */
const MAX_ANSWER_CHARS = 600_000;

type Ask = z.infer<typeof AgentLogs.body>;
type Answer = z.infer<typeof AgentLogs.answer>;

/**
 * Answers `agent.logs`: some lines, bounded by `maxBytes`; with `waitMs` held back until there is at least one.
 *
 * Throws MESH_AGENT_UNKNOWN for an instance that this node never had.
 */
export async function readInstanceLogs(
  ask: Ask,
  signal: AbortSignal,
  deps: InstanceLogsDeps,
): Promise<Answer> {
  const { instance, cursor, tail, maxBytes, waitMs } = ask;
  if (!deps.knows(instance)) {
    throw new MeshError('MESH_AGENT_UNKNOWN', `this node has no instance ${instance}`);
  }
  const from = cursor !== undefined ? { cursor } : tail === undefined ? {} : { tailLines: tail };
  const first = await deps.read(instance, { ...from, maxBytes });
  const isLate = first.lines.length > 0 || waitMs === 0 || tail !== undefined;
  if (isLate || first.droppedSegments > 0) return toAnswer(first);
  const over = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
  await deps.untilMore(instance, first.cursor, over);
  return toAnswer(await deps.read(instance, { cursor: first.cursor, maxBytes }));
}

/** Control characters grow when they are encoded: what would not fit in a message comes with the next page. */
function toAnswer(page: OutputPage): Answer {
  const { droppedSegments } = page;
  const lines: string[] = [];
  let { cursor, atEnd } = page;
  let chars = 0;
  for (const { text, next } of page.lines) {
    chars += JSON.stringify(text).length + 1;
    if (chars > MAX_ANSWER_CHARS && lines.length > 0) {
      atEnd = false;
      break;
    }
    lines.push(text);
    cursor = next;
  }
  if (atEnd) ({ cursor } = page);
  return { lines, cursor, droppedSegments, atEnd };
}
