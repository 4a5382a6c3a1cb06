import { describe, expect, it } from 'vitest';
import { indexState } from '../../../src/core/desired-index.ts';
import { peersFor } from '../../../src/core/peers.ts';
import { meshWith, nodeName, withFleet } from '../../fixtures/make-state.ts';

const state = withFleet(meshWith('n1', 'n2'), 'home', {
  store: { placement: { node: 'n1' }, start: { group: 'core' } },
  cache: { placement: { node: 'n1' }, start: { group: 'core' } },
  both: { replicas: 2 },
  near: { placement: { node: 'n2' } },
  user: { placement: { node: 'n2' }, start: { dependsOn: ['core', 'near', 'both'] } },
});

const see =
  (ready: readonly string[]) =>
  ({ instance }: { readonly instance: string }) => ({
    isReady: ready.includes(instance),
    host: '10.0.0.1',
    ports: { zmq: 7140 },
  });

describe('peersFor', () => {
  it('tells a node of what its agents need elsewhere, by agent or start group, and of nothing else', () => {
    const { agents } = peersFor(
      nodeName('n2'),
      indexState(state),
      see(['store.0', 'both.0', 'both.1']),
    );
    expect(agents).toEqual([
      { agent: 'both', ready: true, addresses: { zmq: '10.0.0.1:7140' } },
      { agent: 'cache', group: 'core', ready: false, addresses: {} },
      { agent: 'store', group: 'core', ready: true, addresses: { zmq: '10.0.0.1:7140' } },
    ]);
  });

  it('tells a node nothing whose agents depend on nothing', () => {
    expect(peersFor(nodeName('n1'), indexState(state), see([])).agents).toEqual([]);
  });

  it('makes the same message of the same knowledge, in whatever order the state holds it', () => {
    const turned = { ...state, instances: new Map([...state.instances].toReversed()) };
    const seen = see(['store.0']);
    expect(peersFor(nodeName('n2'), indexState(turned), seen)).toEqual(
      peersFor(nodeName('n2'), indexState(state), seen),
    );
  });
});
