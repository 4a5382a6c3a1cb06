import { describe, expect, it } from 'vitest';
import { instancesFor, isSameAssignment } from '../../../src/core/assignments.ts';
import { indexState } from '../../../src/core/desired-index.ts';
import { laterEpoch, makeInstanceReport } from '../../fixtures/make-report.ts';
import { epoch, instanceId, meshWith, nodeName, withFleet } from '../../fixtures/make-state.ts';

const n1 = nodeName('n1');
const state = withFleet(meshWith('n1', 'n2'), 'home', {
  a: { placement: { node: 'n1' } },
  b: { placement: { node: 'n1' } },
  c: { placement: { node: 'n2' } },
});
const index = indexState(state);
const a = state.instances.get(instanceId('a.0'))!;

const ids = (report: Parameters<typeof instancesFor>[2]): readonly string[] =>
  instancesFor(index, n1, report).map(({ instance }) => instance);

describe('instancesFor', () => {
  it('gives a node all that is placed there, with its spec', () => {
    const [first] = instancesFor(index, n1, undefined);
    expect(ids(undefined)).toEqual(['a.0', 'b.0']);
    expect(first?.spec.command).toEqual(['true']);
  });

  it('leaves out what the node keeps unclaimed under the same or a later epoch', () => {
    const same = makeInstanceReport(a, { state: 'unclaimed' });
    const later = makeInstanceReport(a, { state: 'unclaimed', epoch: laterEpoch });
    expect(ids({ instances: [same] })).toEqual(['b.0']);
    expect(ids({ instances: [later] })).toEqual(['b.0']);
  });

  it('claims what was placed anew since, and what the node runs as claimed', () => {
    const older = makeInstanceReport(a, { state: 'unclaimed', epoch: epoch('0.9') });
    expect(ids({ instances: [older] })).toEqual(['a.0', 'b.0']);
    expect(ids({ instances: [makeInstanceReport(a)] })).toEqual(['a.0', 'b.0']);
  });
});

describe('isSameAssignment', () => {
  it('sees another epoch, nonce, order or spec, and nothing in a copy', () => {
    const before = instancesFor(index, n1, undefined);
    const change = (part: object) =>
      before.map((one, at) => (at === 0 ? { ...one, ...part } : one));
    expect(isSameAssignment(before, change({}))).toBe(true);
    expect(isSameAssignment(before, change({ epoch: laterEpoch }))).toBe(false);
    expect(isSameAssignment(before, change({ nonce: 1 }))).toBe(false);
    expect(isSameAssignment(before, change({ desired: 'stop' }))).toBe(false);
    expect(isSameAssignment(before, change({ spec: { ...before[0]!.spec } }))).toBe(false);
    expect(isSameAssignment(before, before.slice(1))).toBe(false);
  });
});
