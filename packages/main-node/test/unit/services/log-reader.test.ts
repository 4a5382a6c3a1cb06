import { AgentLogs, type LogCursor } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { indexState } from '../../../src/core/desired-index.ts';
import { createLogReader } from '../../../src/services/log-reader.ts';
import { answered, createFakeHub } from '../../fixtures/fake-hub.ts';
import { meshWith, withFleet } from '../../fixtures/make-state.ts';

const index = indexState(withFleet(meshWith('n1', 'n2'), 'home', { a: { replicas: 2 } }));

interface Ask {
  readonly instance: string;
  readonly cursor?: LogCursor;
  readonly tail?: number;
}

/** Each instance has its lines; a page holds two, so that reading goes on. A cursor's offset is the number of lines before it. */
function setUp(lines: Readonly<Record<string, readonly string[]>>) {
  const hub = createFakeHub();
  const waits: AbortController[] = [];
  let failures = 0;
  hub.onAsk(AgentLogs.kind, async (_, body) => {
    const { instance, cursor, tail } = body as Ask;
    const all = lines[instance] ?? [];
    const from = cursor?.offset ?? Math.max(0, all.length - (tail ?? 0));
    if (failures > 0) {
      failures -= 1;
      return { status: 'refused', error: { code: 'MESH_NODE_UNAVAILABLE', message: 'away' } };
    }
    if (cursor !== undefined && from >= all.length) {
      const waiting = new AbortController();
      waits.push(waiting);
      await new Promise((resolve) => waiting.signal.addEventListener('abort', resolve));
    }
    const page = all.slice(from, from + 2);
    const offset = from + page.length;
    return answered({
      lines: page,
      cursor: { segment: 0, offset },
      droppedSegments: from === 0 && tail === undefined ? 3 : 0,
      atEnd: offset >= all.length,
    });
  });
  const reader = createLogReader({
    hub,
    index: () => index,
    sleep: async () => {},
    findUnclaimed: () => [],
  });
  return { hub, reader, waits, fail: (count: number) => (failures = count) };
}

const never = new AbortController().signal;

describe('log reader', () => {
  it('reads the last lines of each instance, page by page, and says where they end', async () => {
    const { reader } = setUp({ 'a.0': ['1', '2', '3', '4', '5'], 'a.1': ['x'] });
    const { lines, position } = await reader.read({ target: 'a', tail: 4, signal: never });
    expect(lines.map(({ instance, line }) => `${instance} ${line}`)).toEqual([
      'a.0 2',
      'a.0 3',
      'a.0 4',
      'a.0 5',
      'a.1 x',
    ]);
    expect([...position].map(([id, { offset }]) => [id, offset])).toEqual([
      ['a.0', 5],
      ['a.1', 1],
    ]);
  });

  it('follows all instances together until it is stopped', async () => {
    const { reader, waits } = setUp({ 'a.0': ['1', '2', '3'], 'a.1': ['x'] });
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const { instance, line } of reader.follow({
      target: 'a',
      tail: 10,
      signal: stop.signal,
    })) {
      seen.push(`${instance} ${line}`);
      if (seen.length < 4) continue;
      stop.abort();
      for (const waiting of waits) waiting.abort();
    }
    expect(seen.toSorted()).toEqual(['a.0 1', 'a.0 2', 'a.0 3', 'a.1 x']);
  });

  it('goes on where it was when a node was away', async () => {
    const { reader, fail } = setUp({ 'a.0': ['1', '2', '3'], 'a.1': [] });
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const { line } of reader.follow({ target: 'a.0', tail: 10, signal: stop.signal })) {
      seen.push(line);
      if (seen.length === 2) fail(3);
      if (seen.length === 3) break;
    }
    stop.abort();
    expect(seen).toEqual(['1', '2', '3']);
  });

  it('throws what a node answers to one look', async () => {
    const { reader, fail } = setUp({ 'a.0': ['1'] });
    fail(1);
    await expect(reader.read({ target: 'a.0', tail: 1, signal: never })).rejects.toMatchObject({
      code: 'MESH_NODE_UNAVAILABLE',
    });
    await expect(reader.read({ target: 'b', tail: 1, signal: never })).rejects.toMatchObject({
      code: 'MESH_AGENT_UNKNOWN',
    });
  });
});
