import {
  AgentLogs,
  MeshError,
  type Hub,
  type InstanceId,
  type LogCursor,
  type NodeName,
} from '@meshwork/shared';
import { findInstances, parseTarget } from '../core/targets.ts';
import type { DesiredIndex } from '../core/desired-index.ts';
import { unwrapOutcome } from './outcome.ts';

/** One line of output. `dropped`: so many older pieces were deleted before it. */
export interface LogLine {
  readonly instance: InstanceId;
  readonly line: string;
  readonly dropped?: number;
}

/** Where reading goes on, by instance. */
export type LogPosition = ReadonlyMap<InstanceId, LogCursor>;

/** Reads output of agents where it lies: on their nodes. */
export interface LogReader {
  /** The last `tail` lines of each instance, instance by instance, and where they end. */
  read(ask: {
    readonly target: string;
    readonly tail: number;
    readonly signal: AbortSignal;
  }): Promise<{ readonly lines: readonly LogLine[]; readonly position: LogPosition }>;
  /** The last lines, then new ones as they come, of all instances together; until the signal aborts. */
  follow(ask: {
    readonly target: string;
    readonly tail: number;
    readonly signal: AbortSignal;
  }): AsyncIterable<LogLine>;
}

const requestMs = 15_000;
/** How long a node may hold an answer until there is more, ms. */
const waitMs = 5_000;
const retryMs = 1_000;
/** Bytes that are asked for at a time; so much of each instance is in memory while it is followed. */
const maxBytes = 131_072;

/** Pulls logs by request: what is not asked for is not sent. */
export function createLogReader(deps: {
  readonly hub: Pick<Hub, 'request'>;
  readonly index: () => DesiredIndex;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Instances that run unclaimed are read like others. */
  readonly findUnclaimed: (target: string) => readonly Source[];
}): LogReader {
  async function pull(
    { instance, node }: Source,
    from: {
      readonly cursor?: LogCursor | undefined;
      readonly tail?: number;
      readonly waitMs: number;
    },
    signal: AbortSignal,
  ): Promise<{
    readonly lines: readonly LogLine[];
    readonly cursor: LogCursor;
    readonly atEnd: boolean;
  }> {
    const { cursor, tail } = from;
    const outcome = await deps.hub.request(
      node,
      AgentLogs,
      {
        instance,
        ...(cursor === undefined ? {} : { cursor }),
        ...(tail === undefined ? {} : { tail }),
        maxBytes,
        waitMs: from.waitMs,
      },
      { timeoutMs: requestMs, signal },
    );
    const { lines, droppedSegments, cursor: next, atEnd } = unwrapOutcome(outcome);
    return {
      cursor: next,
      atEnd,
      lines: lines.map((line, at) => ({
        instance,
        line,
        ...(at === 0 && droppedSegments > 0 ? { dropped: droppedSegments } : {}),
      })),
    };
  }

  function findSources(target: string): readonly Source[] {
    const unclaimed = deps.findUnclaimed(target);
    if (unclaimed.length > 0) return unclaimed;
    return findInstances(parseTarget(target), deps.index());
  }

  async function readTail(
    source: Source,
    tail: number,
    signal: AbortSignal,
  ): Promise<{ readonly lines: readonly LogLine[]; readonly cursor: LogCursor }> {
    let page = await pull(source, { tail, waitMs: 0 }, signal);
    const lines = [...page.lines];
    while (!page.atEnd && lines.length < tail) {
      page = await pull(source, { cursor: page.cursor, waitMs: 0 }, signal);
      if (page.lines.length === 0) break;
      lines.push(...page.lines);
    }
    return { lines, cursor: page.cursor };
  }

  async function* followOne(
    source: Source,
    tail: number,
    signal: AbortSignal,
  ): AsyncIterable<LogLine> {
    let cursor: LogCursor | undefined;
    while (!signal.aborted) {
      try {
        const page = await pull(
          source,
          cursor === undefined ? { tail, waitMs: 0 } : { cursor, waitMs },
          signal,
        );
        cursor = page.cursor;
        yield* page.lines;
      } catch (error) {
        if (signal.aborted) return;
        // The node is away, or restarts: its agents' output waits on its disk.
        if (!(error instanceof MeshError) || !error.row.retryable) throw error;
        await deps.sleep(retryMs, signal).catch(() => {});
      }
    }
  }

  return {
    async read({ target, tail, signal }) {
      const sources = findSources(target);
      const pages = await Promise.all(sources.map((source) => readTail(source, tail, signal)));
      return {
        lines: pages.flatMap(({ lines }) => lines),
        position: new Map(
          sources.map(({ instance }, at) => [instance, pages[at]?.cursor ?? zero] as const),
        ),
      };
    },
    follow({ target, tail, signal }) {
      return mergeLines(
        findSources(target).map((source) => (until) => followOne(source, tail, until)),
        signal,
      );
    },
  };
}

interface Source {
  readonly instance: InstanceId;
  readonly node: NodeName;
}

const zero: LogCursor = { segment: 0, offset: 0 };

/** Lines of several sources as they come; each source is asked for its next line only when the last one was taken. */
async function* mergeLines(
  sources: readonly ((signal: AbortSignal) => AsyncIterable<LogLine>)[],
  signal: AbortSignal,
): AsyncIterable<LogLine> {
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  type Next = { readonly at: number; readonly result: IteratorResult<LogLine> };
  const iterators = sources.map((source) => source(until)[Symbol.asyncIterator]());
  const ask = async (at: number): Promise<Next> => {
    const iterator = iterators[at];
    if (iterator === undefined) return { at, result: { done: true, value: undefined } };
    return { at, result: await iterator.next() };
  };
  const pending = new Map(iterators.map((_, at) => [at, ask(at)] as const));
  try {
    while (pending.size > 0) {
      const { at, result } = await Promise.race(pending.values());
      if (result.done === true) {
        pending.delete(at);
        continue;
      }
      pending.set(at, ask(at));
      yield result.value;
    }
  } finally {
    ending.abort();
    await Promise.allSettled(pending.values());
  }
}
