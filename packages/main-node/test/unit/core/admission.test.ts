import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptKey,
  addInvite,
  maxInvites,
  rekeyNode,
  removeNode,
  revokeNode,
  spendInvite,
} from '../../../src/core/admission.ts';
import type { InviteRecord, MeshState } from '../../../src/core/mesh-state.ts';
import { makeNode, meshWith, nodeName, publicKey, withFleet } from '../../fixtures/make-state.ts';

const applicant = (node: string, key = node) => ({
  node: nodeName(node),
  publicKey: publicKey(key),
  fingerprint: `print of ${key}`,
});

const invite = (change: Partial<InviteRecord> = {}): InviteRecord => ({
  id: 'i1',
  secretHash: 'hash',
  uses: 1,
  usedBy: [],
  expiresAtMs: 1_000,
  ...change,
});

const withInvite = (change: Partial<InviteRecord> = {}): MeshState =>
  addInvite(meshWith('n1'), invite(change), 0).state;

const shown = { id: 'i1', secretHash: 'hash' };
const codeOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('spendInvite', () => {
  it('lets in the key that shows a token, and the same key again until it expires', () => {
    const first = spendInvite(withInvite(), applicant('n2'), shown, 500);
    expect(first.state.nodes.get(nodeName('n2'))).toMatchObject({ admission: 'accepted' });
    expect(first.events.map(({ kind }) => kind)).toEqual(['node.joined', 'node.admission']);
    const again = spendInvite(first.state, applicant('n2'), shown, 999);
    expect(again.events).toEqual([]);
    expect(codeOf(() => spendInvite(first.state, applicant('n2'), shown, 1_000))).toBe(
      'MESH_JOIN_REFUSED',
    );
  });

  it('refuses a wrong, an expired, a used token and one that is for another name', () => {
    const state = withInvite();
    const refuse = (change: Partial<InviteRecord>, at = 500, secret = shown): string => {
      try {
        spendInvite(withInvite(change), applicant('n2'), secret, at);
        return 'accepted';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refuse({}, 500, { id: 'i1', secretHash: 'other' })).toMatch(/is wrong/);
    expect(refuse({}, 500, { id: 'i9', secretHash: 'hash' })).toMatch(/is wrong/);
    expect(refuse({}, 1_000)).toMatch(/has expired/);
    expect(refuse({ usedBy: [publicKey('x')] })).toMatch(/is used up/);
    expect(refuse({ node: nodeName('n3') })).toMatch(/is for a node named n3/);
    expect(state.nodes.size).toBe(1);
  });

  it('does not spend a use on a name that another key holds', () => {
    const state = withInvite();
    expect(codeOf(() => spendInvite(state, applicant('n1', 'stranger'), shown, 1))).toBe(
      'MESH_NODE_EXISTS',
    );
    expect(spendInvite(state, applicant('n2'), shown, 2).state.invites.get('i1')?.usedBy).toEqual([
      publicKey('n2'),
    ]);
  });
});

describe('a name and its key', () => {
  it('never come apart by deletion and return', () => {
    const removed = removeNode(meshWith('n1'), nodeName('n1')).state;
    const steal = (): unknown => acceptKey(removed, applicant('n1', 'thief'), { isLocal: false });
    expect(codeOf(steal)).toBe('MESH_NODE_EXISTS');
    const back = acceptKey(removed, applicant('n1'), { isLocal: false }).state;
    expect(back.nodes.get(nodeName('n1'))?.admission).toBe('accepted');
  });

  it('part only by an explicit, recorded re-key', () => {
    const next = rekeyNode(meshWith('n1'), applicant('n1', 'fresh'));
    expect(next.state.nodes.get(nodeName('n1'))?.publicKey).toBe(publicKey('fresh'));
    expect(next.events).toMatchObject([
      { kind: 'node.admission', node: 'n1', fingerprint: 'print of fresh' },
    ]);
  });

  it('belong to one node: a key that is another node is refused', () => {
    const state = meshWith('n1');
    const copy = (): unknown => acceptKey(state, applicant('n2', 'n1'), { isLocal: false });
    expect(codeOf(copy)).toBe('MESH_NODE_EXISTS');
    const moved = (): unknown => rekeyNode(meshWith('n1', 'n2'), applicant('n2', 'n1'));
    expect(codeOf(moved)).toBe('MESH_NODE_EXISTS');
  });

  it('stay out once revoked, however often they come', () => {
    const state = revokeNode(meshWith('n1'), nodeName('n1')).state;
    expect(codeOf(() => acceptKey(state, applicant('n1'), { isLocal: true }))).toBe(
      'MESH_JOIN_REFUSED',
    );
  });

  it('keep one holder through any history without a re-key', () => {
    const act = fc.tuple(
      fc.constantFrom('accept', 'revoke', 'remove'),
      fc.constantFrom('n1', 'n2'),
      fc.constantFrom('k1', 'k2', 'k3'),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (history) => {
        let state = meshWith();
        const holder = new Map<string, string>();
        for (const [what, name, key] of history) {
          try {
            const node = nodeName(name);
            if (what === 'accept')
              state = acceptKey(state, applicant(name, key), { isLocal: false }).state;
            else if (what === 'revoke') state = revokeNode(state, node).state;
            else state = removeNode(state, node).state;
          } catch {
            continue;
          }
          const record = state.nodes.get(nodeName(name));
          if (record === undefined) continue;
          expect(holder.get(name) ?? record.publicKey).toBe(record.publicKey);
          holder.set(name, record.publicKey);
          const keys = [...state.nodes.values()].map(({ publicKey: one }) => one);
          expect(new Set(keys).size).toBe(keys.length);
        }
      }),
    );
  });
});

describe('removeNode', () => {
  it('refuses while instances are placed there, and names them', () => {
    const state = withFleet(meshWith('n1'), 'home', { a: {} });
    expect(() => removeNode(state, nodeName('n1'))).toThrow(
      /1 instances are placed on it \(a\.0\)/,
    );
  });

  it('lets a revoked node go with what it had', () => {
    const state = revokeNode(withFleet(meshWith('n1'), 'home', { a: {} }), nodeName('n1')).state;
    expect(removeNode(state, nodeName('n1')).state.nodes.get(nodeName('n1'))?.admission).toBe(
      'removed',
    );
  });
});

describe('addInvite', () => {
  it('is refused at its bound, and forgets expired tokens first', () => {
    let state = meshWith(makeNode('n1'));
    for (let at = 0; at < maxInvites; at += 1)
      state = addInvite(state, invite({ id: `i${at}` }), 0).state;
    expect(codeOf(() => addInvite(state, invite({ id: 'more' }), 0))).toBe('MESH_BUSY');
    expect(
      addInvite(state, invite({ id: 'more', expiresAtMs: 9_999 }), 1_000).state.invites.size,
    ).toBe(1);
  });
});
