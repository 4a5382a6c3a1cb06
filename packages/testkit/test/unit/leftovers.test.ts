import { describe, expect, it } from 'vitest';

import type { Holdings } from '../../src/leftovers.ts';
import { findLeftHoldings } from '../../src/leftovers.ts';

describe('findLeftHoldings', () => {
  it('names what is held more than before, by how much', () => {
    const before = holdings(['PipeWrap', 'Timeout'], ['socket:[1]']);
    const after = holdings(['PipeWrap', 'Timeout', 'Timeout', 'Timeout'], ['socket:[1]']);

    expect(findLeftHoldings(before, after)).toEqual(['2 open Timeout']);
  });

  it('finds a descriptor number that was taken by something else', () => {
    const left = findLeftHoldings(holdings([], ['/tmp/a']), holdings([], ['socket:[7]']));

    expect(left).toEqual(['open descriptor on socket:[7]']);
  });

  it('lets a ZeroMQ context be, and finds a socket beside it', () => {
    const context = [EVENT, EVENT, POLL, EVENT, POLL];

    expect(findLeftHoldings(holdings([], []), holdings([], context))).toEqual([]);
    expect(findLeftHoldings(holdings([], []), holdings([], [...context, EVENT]))).toEqual([
      '1 open eventfd (a ZeroMQ socket or a worker thread)',
    ]);
  });

  it('finds a ZeroMQ socket where the context was there before', () => {
    const before = holdings([], [EVENT, EVENT, POLL, EVENT, POLL]);
    const after = holdings([], [...before.descriptors.values(), EVENT, EVENT]);

    expect(findLeftHoldings(before, after)).toHaveLength(1);
  });

  it('lets the pipe be that the process holds both ends of, and devices', () => {
    const after = holdings([], ['pipe:[5]', 'pipe:[5]', '/dev/null']);

    expect(findLeftHoldings(holdings([], []), after)).toEqual([]);
  });
});

const EVENT = 'anon_inode:[eventfd]';
const POLL = 'anon_inode:[eventpoll]';

function holdings(resources: readonly string[], targets: readonly string[]): Holdings {
  return {
    resources,
    descriptors: new Map(targets.map((target, index) => [String(index + 3), target])),
  };
}
