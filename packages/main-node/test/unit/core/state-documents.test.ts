import type { StoreSnapshot } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { addInvite } from '../../../src/core/admission.ts';
import { emptyMeshState, type MeshState } from '../../../src/core/mesh-state.ts';
import { removeFleet } from '../../../src/core/apply-plan.ts';
import { diffDocuments, fromSnapshot } from '../../../src/core/state-documents.ts';
import { fleetName, mesh, meshWith, nodeName, withFleet } from '../../fixtures/make-state.ts';

const full: MeshState = addInvite(
  {
    ...withFleet(meshWith('n1', 'n2'), 'home', {
      a: { replicas: 2, ports: { p: 7000 }, health: { tcp: { port: 'p' }, interval: '3s' } },
      b: { start: { group: 'core', dependsOn: ['a'] }, env: { X: '1' } },
    }),
    reigns: [{ term: 1, fromRevision: 0 }],
  },
  {
    id: 'i1',
    secretHash: 'h',
    node: nodeName('n3'),
    uses: 1,
    usedBy: [],
    expiresAtMs: 5,
  },
  0,
).state;

const empty = { ...emptyMeshState(mesh), mesh: undefined };

function snapshotOf(state: MeshState, revision = 1): StoreSnapshot {
  const documents = new Map<string, Map<string, unknown>>();
  for (const { collection, key, value } of diffDocuments(empty, state).set) {
    const stored: unknown = JSON.parse(JSON.stringify(value));
    const known = documents.get(collection) ?? new Map<string, unknown>();
    documents.set(collection, known.set(key, stored));
  }
  return { revision, documents };
}

describe('documents of the state', () => {
  it('come back from the store as they were', () => {
    expect(fromSnapshot(snapshotOf(full, full.revision))).toEqual(full);
  });

  it('are written only where something changed', () => {
    const next = withFleet(full, 'home', { a: { replicas: 2, ports: { p: 7001 } } });
    const { set, delete: gone } = diffDocuments(full, next);
    expect(set.map(({ collection, key }) => `${collection}/${key}`)).toEqual(['fleets/home']);
    expect(gone).toEqual([{ collection: 'instances', key: 'b.0' }]);
    expect(diffDocuments(full, full)).toEqual({ set: [], delete: [] });
  });

  it('go when what they describe goes', () => {
    const next = removeFleet(full, fleetName('home'))!.state;
    expect(diffDocuments(full, next).delete.map(({ key }) => key)).toEqual([
      'home',
      'a.0',
      'a.1',
      'b.0',
    ]);
  });

  it('are refused by name when this release cannot read one', () => {
    const snapshot = snapshotOf(full);
    (snapshot.documents.get('nodes') as Map<string, unknown>).set('n1', { name: 'n1' });
    expect(() => fromSnapshot(snapshot)).toThrow(/cannot read nodes\/n1 from the store/);
    const other = snapshotOf(full);
    const document = { fleet: 'home', agents: { a: { command: ['x'], later: 1 } } };
    (other.documents.get('fleets') as Map<string, unknown>).set('home', {
      name: 'home',
      document,
      revision: 1,
    });
    expect(() => fromSnapshot(other)).toThrow(/fleets\/home.*unknown field "later"/);
  });

  it('say nothing of a mesh in an empty store', () => {
    const loaded = fromSnapshot({ revision: 0, documents: new Map() });
    expect(loaded).toMatchObject({ mesh: undefined, revision: 0, reigns: [] });
  });
});
