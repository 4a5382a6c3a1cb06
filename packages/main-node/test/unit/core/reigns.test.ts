import { describe, expect, it } from 'vitest';
import { beginReign, standingOf } from '../../../src/core/reigns.ts';
import { MeshId } from '@meshwork/shared';
import { mesh } from '../../fixtures/make-state.ts';

/** Term 3 wrote revisions up to 10, term 5 up to 14, term 7 writes now and is at 15. */
const records = {
  mesh,
  revision: 15,
  reigns: [
    { term: 3, fromRevision: 0 },
    { term: 5, fromRevision: 10 },
    { term: 7, fromRevision: 14 },
  ],
};

describe('standingOf', () => {
  const standing = (term: number, revision: number): string =>
    standingOf({ mesh, term, revision }, records);

  it('knows every revision that a known reign wrote', () => {
    expect([standing(3, 10), standing(5, 12), standing(7, 15)]).toEqual([
      'known',
      'known',
      'known',
    ]);
  });

  it('finds a node ahead that obeyed a reign, or a revision of one, that the database lost', () => {
    expect([standing(6, 11), standing(5, 15), standing(9, 1), standing(7, 16)]).toEqual([
      'ahead',
      'ahead',
      'ahead',
      'ahead',
    ]);
  });

  it('finds every node ahead when the database is empty', () => {
    const empty = { mesh, revision: 1, reigns: [{ term: 8, fromRevision: 0 }] };
    expect(standingOf({ mesh, term: 7, revision: 15 }, empty)).toBe('ahead');
  });

  it('tells a node of another mesh, or of none, from one that is ahead', () => {
    const other = MeshId.parse('f'.repeat(32));
    expect(standingOf({ mesh: other, term: 1, revision: 1 }, records)).toBe('foreign');
    expect(standingOf({ term: 0, revision: 0 }, records)).toBe('foreign');
  });
});

describe('beginReign', () => {
  it('forgets the oldest of more than 64: nodes that still obey them count as ahead', () => {
    let reigns: ReturnType<typeof beginReign> = [];
    for (let term = 1; term <= 100; term += 1) reigns = beginReign(reigns, term, term);
    expect(reigns.length).toBe(64);
    expect(standingOf({ mesh, term: 30, revision: 30 }, { mesh, revision: 100, reigns })).toBe(
      'ahead',
    );
  });
});
