import type { NodeState } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { byInstance } from '../../../src/core/assignments.ts';
import {
  isStale,
  isUsable,
  reportPatienceMs,
  sightOf,
  type LiveNode,
} from '../../../src/core/live.ts';
import type { Member } from '../../../src/core/membership.ts';
import { makeInstanceReport, makeReport } from '../../fixtures/make-report.ts';
import { instanceId, meshWith, nodeName, withFleet } from '../../fixtures/make-state.ts';

const state = withFleet(meshWith('n1'), 'home', { a: {} });
const a = state.instances.get(instanceId('a.0'))!;
const report = makeReport([makeInstanceReport(a, { pid: 42 })]);

function live(status: NodeState, change: Partial<LiveNode> = {}): LiveNode {
  return {
    name: nodeName('n1'),
    member: { status, incarnation: 1, heardAtMs: 0, sinceMs: 0 } as Member,
    report,
    instances: byInstance(report.instances),
    reportedAtMs: 1_000,
    ...change,
  };
}

const see = (node: LiveNode | undefined, nowMs = 1_500) => {
  const { state: seen, isStale: stale, ageMs } = sightOf(node, a.instance, nowMs);
  return { seen, stale, ageMs };
};

describe('sightOf', () => {
  it('believes the report of a node that is alive, and says how old it is', () => {
    expect(see(live('alive'))).toEqual({ seen: 'ready', stale: false, ageMs: 500 });
  });

  it('keeps the last known state of a node that may come back at once, marked stale', () => {
    for (const status of ['suspect', 'rejoining', 'not acting'] as const)
      expect(see(live(status))).toMatchObject({ seen: 'ready', stale: true });
  });

  it('claims to know nothing of a node that is dead, left or was not heard yet', () => {
    for (const status of ['dead', 'left', 'unknown'] as const)
      expect(see(live(status))).toMatchObject({ seen: 'unknown', stale: true });
    expect(sightOf(live('dead'), a.instance, 0).reason).toMatch(/it was ready when last heard/);
    expect(see(undefined)).toMatchObject({ seen: 'unknown', stale: true });
  });

  it('keeps what an earlier connection reported, as stale, until the node reports again', () => {
    const back = live('alive', { report: undefined });
    expect(see(back)).toMatchObject({ seen: 'ready', stale: true });
    expect(see(live('alive', { report: undefined, instances: undefined }))).toMatchObject({
      seen: 'unknown',
      stale: true,
    });
  });

  it('shows what a node has not taken over yet as waiting', () => {
    expect(see(live('alive', { instances: new Map() }))).toMatchObject({ seen: 'waiting' });
  });

  it('uses only what is ready and not stale', () => {
    expect(isUsable(sightOf(live('alive'), a.instance, 0))).toBe(true);
    expect(isUsable(sightOf(live('suspect'), a.instance, 0))).toBe(false);
  });
});

describe('isStale', () => {
  it('grows impatient with a heartbeat that names another digest than the report', () => {
    const node = live('alive', { differsSinceMs: 1_000 });
    expect(isStale(node, 1_000 + reportPatienceMs)).toBe(false);
    expect(isStale(node, 1_001 + reportPatienceMs)).toBe(true);
  });
});
