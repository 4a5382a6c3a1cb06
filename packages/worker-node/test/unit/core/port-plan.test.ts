import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPorts, type PortView } from '../../../src/core/port-plan.ts';

const view: PortView = { kept: {}, claimed: new Set(), held: new Set(), range: [20_000, 20_003] };
const numbers = (ports: ReturnType<typeof planPorts>) => ports?.map(({ port }) => port);

describe('auto ports', () => {
  it('stay what they were, unless somebody else has them', () => {
    const kept = { http: 20_002 };

    expect(numbers(planPorts({ http: 'auto' }, { ...view, kept }, 0))).toEqual([20_002]);
    const held = new Set([20_002]);
    expect(numbers(planPorts({ http: 'auto' }, { ...view, kept, held }, 0))).toEqual([20_000]);
    const claimed = new Set([20_002, 20_000]);
    expect(numbers(planPorts({ http: 'auto' }, { ...view, kept, claimed }, 0))).toEqual([20_001]);
  });

  it('keep away from the fixed ports of the same instance', () => {
    const ports = planPorts({ a: 'auto', b: 20_000 }, view, 0);

    expect(ports).toContainEqual({ name: 'a', port: 20_001, isAuto: true });
  });

  it('are all different and in the range, or there are none', () => {
    const taken = fc.uniqueArray(fc.integer({ min: 20_000, max: 20_003 }));

    fc.assert(
      fc.property(taken, fc.double({ min: 0, max: 0.999, noNaN: true }), (claimed, random) => {
        const ports = planPorts(
          { a: 'auto', b: 'auto' },
          { ...view, claimed: new Set(claimed) },
          random,
        );

        if (claimed.length > 2) expect(ports).toBeUndefined();
        else {
          const found = numbers(ports)!;
          expect(new Set([...found, ...claimed]).size).toBe(claimed.length + 2);
          expect(found.every((port) => port >= 20_000 && port <= 20_003)).toBe(true);
        }
      }),
    );
  });
});

it('takes fixed ports as they are, also when somebody holds them', () => {
  expect(planPorts({ a: 80 }, { ...view, held: new Set([80]) }, 0)).toEqual([
    { name: 'a', port: 80, isAuto: false },
  ]);
});
