import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexState } from '../../../src/core/desired-index.ts';
import { findInstances, parseTarget, pickLeastLoaded } from '../../../src/core/targets.ts';
import { instanceId, meshWith, withFleet } from '../../fixtures/make-state.ts';

const state = withFleet(meshWith('n1', 'n2'), 'home', {
  librarian: { labels: { team: 'search' } },
  'shard-1': { labels: { team: 'search', part: 'one' } },
  'shard-2': { replicas: 2 },
});

const find = (text: string): readonly string[] =>
  findInstances(parseTarget(text), indexState(state)).map(({ instance }) => instance);

describe('findInstances', () => {
  it('takes a name, an instance, a glob or a label', () => {
    expect(find('librarian')).toEqual(['librarian.0']);
    expect(find('shard-2.1')).toEqual(['shard-2.1']);
    expect(find('shard-*')).toEqual(['shard-1.0', 'shard-2.0', 'shard-2.1']);
    expect(find('shard-?')).toEqual(['shard-1.0', 'shard-2.0', 'shard-2.1']);
    expect(find('*')).toHaveLength(4);
    expect(find('team=search')).toEqual(['librarian.0', 'shard-1.0']);
  });

  it('names what is like a target that nobody has', () => {
    expect(() => find('shard')).toThrow(/no agent matches "shard"; there is shard-1, shard-2/);
    expect(() => find('team=other')).toThrow(
      expect.objectContaining({ code: 'MESH_AGENT_UNKNOWN' }),
    );
  });

  it('matches globs as their translation to a regular expression does', () => {
    const name = fc.stringMatching(/^[a-c][a-c-]{0,8}$/);
    const pattern = fc.stringMatching(/^[a-c*?][a-c*?-]{0,8}$/).filter((text) => /[*?]/.test(text));
    fc.assert(
      fc.property(name, pattern, (agent, glob) => {
        const one = withFleet(meshWith('n1'), 'home', { [agent]: {} });
        const expression = new RegExp(
          `^${glob.replaceAll('-', '\\-').replaceAll('*', '.*').replaceAll('?', '.')}$`,
        );
        let isFound = true;
        try {
          findInstances(parseTarget(glob), indexState(one));
        } catch {
          isFound = false;
        }
        expect(isFound).toBe(expression.test(agent));
      }),
    );
  });

  it('ends at once for a glob that is made to be slow', () => {
    const slow = withFleet(meshWith('n1'), 'home', { [`${'a'.repeat(60)}b`]: {} });
    expect(() => findInstances(parseTarget(`${'a*'.repeat(30)}c`), indexState(slow))).toThrow(
      /no agent/,
    );
  });
});

describe('pickLeastLoaded', () => {
  const choice = (id: string, callsInFlight: number) => ({
    instance: instanceId(id),
    callsInFlight,
  });

  it('takes the least loaded, and equals in turns', () => {
    const choices = [choice('a.0', 2), choice('a.1', 1), choice('a.2', 1)];
    expect(pickLeastLoaded(choices, 0)?.instance).toBe('a.1');
    expect(pickLeastLoaded(choices, 1)?.instance).toBe('a.2');
    expect(pickLeastLoaded(choices, 2)?.instance).toBe('a.1');
    expect(pickLeastLoaded([], 5)).toBeUndefined();
  });
});
