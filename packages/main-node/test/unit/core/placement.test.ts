import { toInstanceId } from '@meshwork/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pickNodes } from '../../../src/core/placement.ts';
import {
  agentName,
  fleetName,
  makeCandidate,
  makeFleet,
  nodeName,
} from '../../fixtures/make-state.ts';

function place(
  agents: Parameters<typeof makeFleet>[1],
  candidates: Parameters<typeof pickNodes>[1]['candidates'],
): Record<string, string | undefined> {
  const { fleet } = makeFleet('home', agents);
  const requests = [...fleet.agents].flatMap(([agent, spec]) =>
    Array.from({ length: spec.replicas }, (_, at) => ({
      instance: toInstanceId(agent, at),
      agent,
      fleet: fleet.name,
      spec,
    })),
  );
  const placed = pickNodes(requests, { candidates, claims: new Map(), placed: new Map() });
  return Object.fromEntries(requests.map(({ instance }) => [instance, placed.get(instance)?.node]));
}

describe('pickNodes', () => {
  it('spreads replicas before it looks at load', () => {
    const candidates = [makeCandidate('n1', { instances: 50 }), makeCandidate('n2')];
    const nodes = Object.values(place({ a: { replicas: 2 } }, candidates));
    expect(new Set(nodes)).toEqual(new Set(['n1', 'n2']));
  });

  it('takes the emptier node, then the first by name', () => {
    expect(place({ a: {} }, [makeCandidate('n1', { instances: 2 }), makeCandidate('n2')])).toEqual({
      'a.0': 'n2',
    });
    expect(place({ a: {} }, [makeCandidate('n2'), makeCandidate('n1')])).toEqual({ 'a.0': 'n1' });
  });

  it('lets who has fewest choices go first', () => {
    const agents = {
      anywhere: { ports: { p: 7000 } },
      pinned: { placement: { node: 'n1' }, ports: { p: 7000 } },
    };
    expect(place(agents, [makeCandidate('n1'), makeCandidate('n2')])).toEqual({
      'anywhere.0': 'n2',
      'pinned.0': 'n1',
    });
  });

  it('takes no node that is away, cordoned or labelled otherwise', () => {
    const candidates = [
      makeCandidate('n1', { state: 'suspect', labels: { gpu: 'true' } }),
      makeCandidate('n2', { isCordoned: true, labels: { gpu: 'true' } }),
      makeCandidate('n3'),
      makeCandidate('n4', { state: 'not acting', labels: { gpu: 'true' } }),
    ];
    expect(place({ a: { placement: { labels: { gpu: 'true' } } } }, candidates)).toEqual({
      'a.0': undefined,
    });
  });

  it('never gives one port of a node twice, and never leaves a place unused that one agent alone could take', () => {
    const spec = fc.record({
      port: fc.option(fc.integer({ min: 7000, max: 7003 }), { nil: undefined }),
      node: fc.option(fc.constantFrom('n1', 'n2'), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 12 }), (specs) => {
        const agents = Object.fromEntries(
          specs.map(({ port, node }, at) => [
            `a${at}`,
            {
              ...(port === undefined ? {} : { ports: { p: port } }),
              ...(node === undefined ? {} : { placement: { node } }),
            },
          ]),
        );
        const placed = place(agents, [makeCandidate('n1'), makeCandidate('n2')]);
        const taken = specs.map(({ port }, at) => `${placed[`a${at}.0`]}/${port ?? `free${at}`}`);
        const used = taken.filter((one) => !one.startsWith('undefined'));
        expect(new Set(used).size).toBe(used.length);
        for (const [at, { port, node }] of specs.entries()) {
          if (placed[`a${at}.0`] !== undefined) continue;
          const wanted = node === undefined ? ['n1', 'n2'] : [node];
          expect(wanted.every((one) => used.includes(`${one}/${port}`))).toBe(true);
        }
      }),
    );
  });

  it('counts where the other instances of an agent are already', () => {
    const { fleet } = makeFleet('home', { a: {} });
    const spec = fleet.agents.get(agentName('a'))!;
    const request = {
      instance: toInstanceId(agentName('a'), 1),
      agent: agentName('a'),
      fleet: fleetName('home'),
      spec,
    };
    const placed = pickNodes([request], {
      candidates: [makeCandidate('n1'), makeCandidate('n2', { instances: 9 })],
      claims: new Map(),
      placed: new Map([[agentName('a'), [nodeName('n1')]]]),
    });
    expect(placed.get(request.instance)?.node).toBe('n2');
  });
});
