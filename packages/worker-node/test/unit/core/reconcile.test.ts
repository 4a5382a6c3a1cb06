import { AgentSpec, type AssignedInstance, type NodeAssign } from '@meshwork/shared';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  nothingDesired,
  reconcile,
  stopUnclaimed,
  type DesiredState,
} from '../../../src/core/reconcile.ts';

const HOME = 'a'.repeat(32) as NodeAssign['mesh'];
const OTHER = 'b'.repeat(32) as NodeAssign['mesh'];

function instance(agent: string, more: Partial<AssignedInstance> = {}): AssignedInstance {
  return {
    instance: `${agent}.0`,
    agent,
    fleet: 'home',
    epoch: '1.1',
    nonce: 0,
    desired: 'run',
    spec: AgentSpec.parse({ command: ['run', agent] }),
    ...more,
  } as AssignedInstance;
}

function assign(
  term: number,
  revision: number,
  instances: readonly AssignedInstance[],
  mesh = HOME,
): NodeAssign {
  return { mesh, term, revision, node: 'pc2' as NodeAssign['node'], instances };
}

function after(...assignments: readonly NodeAssign[]): DesiredState {
  return assignments.reduce((known, next) => reconcile(known, next).next, nothingDesired);
}

function names(state: DesiredState): Record<'claimed' | 'unclaimed' | 'leaving', string[]> {
  const of = (list: readonly AssignedInstance[]): string[] =>
    list.map(({ agent }) => agent).toSorted();
  return { claimed: of(state.claimed), unclaimed: of(state.unclaimed), leaving: of(state.leaving) };
}

describe('absence', () => {
  it('is an order in a newer revision of the same mesh', () => {
    const state = after(
      assign(1, 1, [instance('a'), instance('b')]),
      assign(1, 2, [instance('a')]),
    );

    expect(names(state)).toEqual({ claimed: ['a'], unclaimed: [], leaving: ['b'] });
  });

  it('is no order in an older revision of a later term: the store is older', () => {
    const state = after(
      assign(1, 5, [instance('a'), instance('b')]),
      assign(2, 3, [instance('a')]),
    );

    expect(names(state)).toEqual({ claimed: ['a'], unclaimed: ['b'], leaving: [] });
  });

  it('is no order from another mesh: the store is empty', () => {
    const state = after(assign(1, 5, [instance('a')]), assign(2, 9, [], OTHER));

    expect(names(state)).toEqual({ claimed: [], unclaimed: ['a'], leaving: [] });
  });

  it('stays no order for what became unclaimed, however the mesh goes on', () => {
    const state = after(
      assign(1, 5, [instance('a')]),
      assign(2, 1, [], OTHER),
      assign(2, 2, [], OTHER),
      assign(2, 3, [instance('b')], OTHER),
    );

    expect(names(state)).toEqual({ claimed: ['b'], unclaimed: ['a'], leaving: [] });
  });
});

describe('presence', () => {
  it('claims an unclaimed instance', () => {
    const state = after(
      assign(1, 5, [instance('a')]),
      assign(2, 3, []),
      assign(2, 4, [instance('a')]),
    );

    expect(names(state)).toEqual({ claimed: ['a'], unclaimed: [], leaving: [] });
  });

  it('does not take an instance back to an earlier placement', () => {
    const state = after(
      assign(3, 9, [instance('a', { epoch: '3.4' as AssignedInstance['epoch'] })]),
      assign(4, 12, [instance('a', { epoch: '2.9' as AssignedInstance['epoch'] })]),
    );

    expect(names(state).unclaimed).toEqual(['a']);
    expect(state.unclaimed[0]?.epoch).toBe('3.4');
  });

  it('does not stop or change what an older store describes otherwise', () => {
    const known = assign(1, 5, [instance('a'), instance('b'), instance('c')]);
    const older = assign(2, 3, [
      instance('a', { desired: 'stop' }),
      instance('b', { spec: AgentSpec.parse({ command: ['old'] }) }),
      instance('c', { spec: AgentSpec.parse({ command: ['run', 'c'], labels: { old: 'yes' } }) }),
    ]);

    expect(names(after(known, older))).toEqual({
      claimed: ['c'],
      unclaimed: ['a', 'b'],
      leaving: [],
    });
  });

  it('of a leaving instance wants it again', () => {
    const state = after(
      assign(1, 1, [instance('a')]),
      assign(1, 2, []),
      assign(1, 3, [instance('a', { epoch: '1.2' as AssignedInstance['epoch'] })]),
    );

    expect(names(state)).toEqual({ claimed: ['a'], unclaimed: [], leaving: [] });
  });
});

describe('lost, repeated and reordered assignments', () => {
  it('do no harm: the newest wins, whatever arrives when', () => {
    const revision = fc.integer({ min: 1, max: 6 });
    const byRevision = new Map(
      [1, 2, 3, 4, 5, 6].map((number) => [
        number,
        assign(1, number, number % 2 === 0 ? [instance('a')] : [instance('a'), instance('b')]),
      ]),
    );

    fc.assert(
      fc.property(fc.array(revision, { minLength: 1, maxLength: 12 }), (arrivals) => {
        const newest = Math.max(...arrivals);
        const state = after(...arrivals.map((number) => byRevision.get(number)!));

        expect(state.revision).toBe(newest);
        expect(names(state).claimed).toEqual(newest % 2 === 0 ? ['a'] : ['a', 'b']);
        expect(state.unclaimed).toEqual([]);
      }),
    );
  });

  it('are told apart: the same, an older one, one of an earlier reign', () => {
    const known = after(assign(2, 5, [instance('a')]));

    expect(reconcile(known, assign(2, 5, [])).verdict).toBe('same');
    expect(reconcile(known, assign(2, 4, [])).verdict).toBe('stale');
    expect(reconcile(known, assign(1, 9, [])).verdict).toBe('lower-term');
    expect(reconcile(known, assign(1, 9, [], OTHER)).verdict).toBe('lower-term');
    expect(reconcile(known, assign(2, 4, [])).next).toBe(known);
  });
});

it('ends an unclaimed instance for good when it is told to, once', () => {
  const known = after(assign(1, 5, [instance('a')]), assign(2, 3, []));

  const stopped = stopUnclaimed(known, 'a.0' as AssignedInstance['instance'])!;

  expect(names(stopped)).toEqual({ claimed: [], unclaimed: [], leaving: ['a'] });
  expect(stopUnclaimed(stopped, 'a.0' as AssignedInstance['instance'])).toBeUndefined();
});
