import { MeshError, type NodeName } from '@meshwork/shared';
import { createFakeClock } from '@meshwork/testkit';
import { describe, expect, it } from 'vitest';
import type { LiveNode } from '../../../src/core/live.ts';
import { createHealth } from '../../../src/services/health.ts';
import { meshWith, nodeName } from '../../fixtures/make-state.ts';

type Deps = Parameters<typeof createHealth>[0];

const alive: LiveNode = {
  name: nodeName('n1'),
  member: { status: 'alive', incarnation: 1, heardAtMs: 0 },
};

/** Everything is well, but for what `change` says. */
function healthWith(change: Partial<Deps> = {}) {
  return createHealth({
    store: { state: 'up' },
    losses: () => [],
    isTermHeld: () => true,
    diskRefusal: () => undefined,
    controlPort: () => 5550,
    live: { nodes: new Map([[alive.name, alive]]) },
    state: () => meshWith('n1'),
    lastMissedMs: () => 0,
    clock: createFakeClock(),
    ...change,
  });
}

const failing = (change: Partial<Deps>): readonly string[] =>
  healthWith(change)
    .report()
    .checks.filter(({ healthy }) => !healthy)
    .map(({ name }) => name);

describe('health', () => {
  it('is ok when everything is', () => {
    const report = healthWith().report();
    expect(report.status).toBe('ok');
    expect(report.timestamp).toBe('2026-01-01T00:00:00.000Z');
  });

  it('fails, and is not ready, without store, term, disk or control port', () => {
    const full = new MeshError('MESH_STORE_DISK_FULL', 'the disk is full');
    const vital: [string, Partial<Deps>][] = [
      ['store', { store: { state: 'down' } }],
      ['term', { isTermHeld: () => false }],
      ['disk', { diskRefusal: () => full }],
      ['control port', { controlPort: () => undefined }],
    ];
    for (const [name, change] of vital) {
      expect(failing(change)).toEqual([name]);
      expect(healthWith(change).readiness().status).toBe('failed');
    }
  });

  it('is degraded, and ready, when a node is away, a loss was accepted or its own pace is lost', () => {
    const dead = new Map<NodeName, LiveNode>([
      [alive.name, { ...alive, member: { status: 'dead', sinceMs: 0 } }],
    ]);
    const minor: [string, Partial<Deps>][] = [
      ['nodes', { live: { nodes: dead } }],
      ['durability', { losses: () => ['aof-not-always: a power cut loses seconds'] }],
      ['own pace', { lastMissedMs: () => 2_000 }],
    ];
    for (const [name, change] of minor) {
      expect(failing(change)).toEqual([name]);
      expect(healthWith(change).report().status).toBe('degraded');
      expect(healthWith(change).readiness().status).toBe('ok');
    }
  });

  it('tells when it watches nothing', () => {
    const empty = healthWith({ state: () => meshWith(), live: { nodes: new Map() } }).report();
    expect(empty.checks.find(({ name }) => name === 'nodes')?.message).toMatch(
      /nothing is watched/,
    );
  });
});
