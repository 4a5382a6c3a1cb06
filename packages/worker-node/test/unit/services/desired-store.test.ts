import { NodePeers } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { createDesiredStore, type Document } from '../../../src/services/desired-store.ts';

function memory<T>(value: T | undefined): Document<T> & { value: T | undefined } {
  return {
    value,
    async read() {
      return this.value;
    },
    async write(data) {
      this.value = data;
    },
  };
}

describe('what a node finds of others when it starts', () => {
  it('is where they were, never that they are ready', async () => {
    const peers = NodePeers.body.parse({
      agents: [{ agent: 'base', ready: true, addresses: { http: '10.0.0.2:7140' } }],
    });
    const files = { desired: memory<never>(undefined), peers: memory(peers) };
    const store = createDesiredStore(files, { maxAgeMs: 1, highestTerm: 0 }, { now: () => 0 });

    const found = await store.load();

    expect(found.peers.agents).toEqual([
      { agent: 'base', ready: false, addresses: { http: '10.0.0.2:7140' } },
    ]);
  });
});
