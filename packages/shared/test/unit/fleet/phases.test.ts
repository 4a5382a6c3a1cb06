import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { phaseKey, planStart, type StartVertex } from '../../../src/index.ts';

const agent = (
  name: string,
  dependsOn: readonly string[] = [],
  options: { readonly group?: string; readonly nodes?: readonly string[] } = {},
): StartVertex => ({ agent: name, dependsOn, group: options.group, nodes: options.nodes ?? ['n'] });

const phasesOn = (node: string, agents: readonly StartVertex[]): Record<string, number> => {
  const { phases } = planStart(agents);
  return Object.fromEntries(
    agents.flatMap((one) => {
      const phase = phases.get(phaseKey(node, one.agent));
      return phase === undefined ? [] : [[one.agent, phase]];
    }),
  );
};

describe('planStart', () => {
  it('counts the longest path, not the number of dependencies', () => {
    const fleet = [agent('c', ['a', 'b']), agent('b', ['a']), agent('a')];
    expect(phasesOn('n', fleet)).toEqual({ a: 1, b: 2, c: 3 });
  });

  it('holds a whole start group back for what one of its members depends on', () => {
    const fleet = [
      agent('store'),
      agent('one', ['store'], { group: 'front' }),
      agent('two', [], { group: 'front' }),
    ];
    expect(phasesOn('n', fleet)).toEqual({ store: 1, one: 2, two: 2 });
  });

  it('takes a group name for every member of the group', () => {
    const fleet = [
      agent('slow', ['base'], { group: 'core' }),
      agent('base'),
      agent('user', ['core']),
    ];
    expect(phasesOn('n', fleet)).toEqual({ base: 1, slow: 2, user: 3 });
  });

  it('makes no phase of a dependency on another node, but still names it as a need', () => {
    const fleet = [agent('far', [], { nodes: ['m'] }), agent('near', ['far'])];
    expect(phasesOn('n', fleet)).toEqual({ near: 1 });
    expect(planStart(fleet).groups.find(({ label }) => label === 'near')?.needs).toEqual([
      'm/agent:far',
    ]);
  });

  it('finds no circle where one group name stands on two nodes', () => {
    const fleet = [
      agent('a1', [], { group: 'g', nodes: ['m'] }),
      agent('b', ['a1'], { nodes: ['m'] }),
      agent('a2', ['b'], { group: 'g' }),
    ];
    expect(planStart(fleet).problems).toEqual([]);
  });

  it('names the circle, an unknown name and an agent that depends on itself', () => {
    const fleet = [
      agent('a', ['b']),
      agent('b', ['c']),
      agent('c', ['a', 'nobody']),
      agent('d', ['d']),
    ];
    const { problems, phases } = planStart(fleet);
    expect(problems).toEqual([
      { kind: 'unknown', agent: 'c', name: 'nobody' },
      { kind: 'self', agent: 'd' },
      { kind: 'cycle', groups: ['a', 'b', 'c'] },
    ]);
    expect(phases.size).toBe(0);
  });

  it('takes names that are known elsewhere as no problem', () => {
    const { problems } = planStart([agent('a', ['far'])], {
      isElsewhere: (name) => name === 'far',
    });
    expect(problems).toEqual([]);
  });

  it('orders a chain as long as the largest fleet', () => {
    const chain = Array.from({ length: 10_000 }, (_, at) =>
      agent(`a${at}`, at === 0 ? [] : [`a${at - 1}`]),
    ).toReversed();
    expect(planStart(chain).phases.get(phaseKey('n', 'a9999'))).toBe(10_000);
  });

  it('never starts an agent before, or together with, what it depends on', () => {
    const acyclic = fc.array(fc.tuple(fc.nat(4), fc.array(fc.nat(30), { maxLength: 4 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(acyclic, (rows) => {
        const fleet = rows.map(([, needs], at) =>
          agent(`a${at}`, at === 0 ? [] : [...new Set(needs.map((need) => `a${need % at}`))]),
        );
        const { phases, problems } = planStart(fleet);
        expect(problems).toEqual([]);
        for (const one of fleet) {
          for (const need of one.dependsOn) {
            expect(phases.get(phaseKey('n', one.agent))).toBeGreaterThan(
              phases.get(phaseKey('n', need)) ?? Infinity,
            );
          }
        }
      }),
    );
  });
});
