import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  pickStartGate,
  pickStoppable,
  type OrderedInstance,
  type OrderView,
} from '../../../src/core/start-order.ts';

function instance(
  agent: string,
  dependsOn: readonly string[] = [],
  more: Partial<OrderedInstance> = {},
): OrderedInstance {
  return {
    instance: `${agent}.0`,
    agent,
    dependsOn,
    isReady: false,
    isAlive: true,
    ...more,
  } as OrderedInstance;
}

function view(instances: readonly OrderedInstance[], more: Partial<OrderView> = {}): OrderView {
  return { instances, remote: [], isAlone: false, ...more };
}

const ready = { isReady: true };
const ids = (names: readonly string[]) =>
  new Set(names.map((name) => `${name}.0` as OrderedInstance['instance']));

describe('an instance may start', () => {
  it('once what it depends on is ready, and names what is not', () => {
    const subject = instance('c', ['a', 'b']);

    const before = pickStartGate(subject, view([instance('a', [], ready), instance('b'), subject]));
    const after = pickStartGate(
      subject,
      view([instance('a', [], ready), instance('b', [], ready), subject]),
    );

    expect(before).toEqual({ open: false, waitsFor: ['b'] });
    expect(after).toEqual({ open: true, without: [] });
  });

  it('once every replica and every member of a group is ready', () => {
    const members = [
      instance('a', [], { group: 'core', isReady: true }),
      instance('b', [], { group: 'core' }),
    ];

    expect(pickStartGate(instance('c', ['core']), view(members))).toEqual({
      open: false,
      waitsFor: ['core'],
    });
  });

  it('with its group: what a mate depends on outside holds it, too, and the mates do not', () => {
    const subject = instance('a', [], { group: 'g' });
    const mate = instance('b', ['a', 'x'], { group: 'g' });

    const gate = pickStartGate(subject, view([subject, mate, instance('x')]));

    expect(gate).toEqual({ open: false, waitsFor: ['x'] });
  });

  it('when what runs elsewhere is told to be ready', () => {
    const subject = instance('a', ['far']);
    const far = { agent: 'far', ready: true } as OrderView['remote'][number];

    expect(pickStartGate(subject, view([subject], { remote: [far] })).open).toBe(true);
    expect(pickStartGate(subject, view([subject], { remote: [{ ...far, ready: false }] }))).toEqual(
      { open: false, waitsFor: ['far'] },
    );
    expect(pickStartGate(subject, view([subject]))).toEqual({ open: false, waitsFor: ['far'] });
  });

  it('without what runs elsewhere once the node is alone, never without what runs here', () => {
    const subject = instance('a', ['far', 'near']);

    const gate = pickStartGate(subject, view([subject, instance('near')], { isAlone: true }));
    const later = pickStartGate(
      subject,
      view([subject, instance('near', [], ready)], { isAlone: true }),
    );

    expect(gate).toEqual({ open: false, waitsFor: ['near'] });
    expect(later).toEqual({ open: true, without: ['far'] });
  });
});

describe('stopping', () => {
  it('takes dependants first, and only those that stop and live count', () => {
    const all = [instance('a'), instance('b', ['a']), instance('c', ['b'])];

    expect(pickStoppable(ids(['a', 'b', 'c']), view(all))).toEqual(ids(['c']));
    expect(pickStoppable(ids(['a']), view(all))).toEqual(ids(['a']));
    const without = [all[0]!, all[1]!, { ...all[2]!, isAlive: false }];
    expect(pickStoppable(ids(['a', 'b', 'c']), view(without))).toEqual(ids(['b', 'c']));
  });

  it('ends whatever the dependencies are, circles too', () => {
    const graph = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 20 });

    fc.assert(
      fc.property(graph, (edges) => {
        let living = Array.from({ length: 8 }, (_, at) =>
          instance(
            `x${at}`,
            edges.filter(([from]) => from === at).map(([, to]) => `x${to}`),
          ),
        );
        for (let round = 0; round < 8 && living.length > 0; round += 1) {
          const all = new Set(living.map(({ instance: id }) => id));
          const free = pickStoppable(all, view(living));
          expect(free.size).toBeGreaterThan(0);
          living = living.filter(({ instance: id }) => !free.has(id));
        }
        expect(living).toEqual([]);
      }),
    );
  });
});
