import { MeshError, type Actor, type MeshStore, type StoreChange } from '@meshwork/shared';
import { createMemoryDatabase, createMemoryStore } from '@meshwork/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { acceptKey } from '../../../src/core/admission.ts';
import { standingOf } from '../../../src/core/reigns.ts';
import type { MeshState } from '../../../src/core/mesh-state.ts';
import { makeOwnRecord, startKeeper, type KeptState } from '../../fixtures/make-keeper.ts';
import { nodeName, publicKey } from '../../fixtures/make-state.ts';

const operator: Actor = { kind: 'operator', name: 'operator' };
const open: KeptState[] = [];

async function start(options: Parameters<typeof startKeeper>[0] = {}): Promise<KeptState> {
  const kept = await startKeeper(options);
  open.push(kept);
  return kept;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((kept) => kept.stop()));
});

const accept = (name: string) => (state: MeshState) => ({
  ...acceptKey(
    state,
    { node: nodeName(name), publicKey: publicKey(name), fingerprint: name },
    { isLocal: false },
  ),
  result: name,
});

const namesIn = (state: MeshState): readonly string[] => [...state.nodes.keys()].toSorted();

/** A store that loses the answers of commits, before or after they were carried out, as `losses` says from the next one on. */
function makeLossyStore(): {
  readonly store: MeshStore;
  readonly commits: StoreChange[];
  readonly losses: ('after' | 'before')[];
} {
  const memory = createMemoryStore();
  const commits: StoreChange[] = [];
  const losses: ('after' | 'before')[] = [];
  const commit: MeshStore['commit'] = async (change) => {
    commits.push(change);
    const loss = losses.shift();
    if (loss === 'before') throw new MeshError('MESH_OUTCOME_UNKNOWN', 'lost');
    const done = await memory.commit(change);
    if (loss === 'after') throw new MeshError('MESH_OUTCOME_UNKNOWN', 'lost');
    return done;
  };
  return { store: { ...memory, state: 'up', commit }, commits, losses };
}

describe('state keeper', () => {
  it('finds after a restart what was acknowledged before it', async () => {
    const database = createMemoryDatabase();
    const first = await start({ store: createMemoryStore(database) });
    await first.keeper.change(operator, accept('n1'));
    const second = await start({ store: createMemoryStore(database) });
    expect(namesIn(second.keeper.state)).toEqual(['n1']);
    expect(second.keeper.state.mesh).toBe(first.keeper.state.mesh);
    expect(second.keeper.term).toBeGreaterThan(first.keeper.term);
  });

  it('writes a change and its event together, with who did it', async () => {
    const store = createMemoryStore();
    const { keeper } = await start({ store });
    await keeper.change(operator, accept('n1'));
    const events = await store.readLastEvents(10);
    expect(events.map(({ body }) => [body['kind'], (body['actor'] as Actor).kind])).toEqual([
      ['main-node.started', 'main-node'],
      ['node.joined', 'operator'],
      ['node.admission', 'operator'],
    ]);
  });

  it('decides each change on what the one before it left', async () => {
    const { keeper } = await start();
    const seen: (readonly string[])[] = [];
    const watching = (name: string) => (state: MeshState) => {
      seen.push(namesIn(state));
      return accept(name)(state);
    };
    await Promise.all([
      keeper.change(operator, watching('n1')),
      keeper.change(operator, watching('n2')),
      keeper.change(operator, watching('n3')),
    ]);
    expect(seen).toEqual([[], ['n1'], ['n1', 'n2']]);
  });

  it('shows nothing of a change that was refused, and goes on with the next', async () => {
    const store = createMemoryStore();
    const { keeper } = await start({ store });
    const { revision } = keeper.state;
    store.become('down');
    await expect(keeper.change(operator, accept('n1'))).rejects.toMatchObject({
      code: 'MESH_STORE_UNAVAILABLE',
    });
    expect(keeper.state.revision).toBe(revision);
    store.become('up');
    await keeper.change(operator, accept('n2'));
    expect(namesIn(keeper.state)).toEqual(['n2']);
  });

  it('reads from memory while the store is away', async () => {
    const store = createMemoryStore();
    const { keeper } = await start({ store });
    await keeper.change(operator, accept('n1'));
    store.become('down');
    expect(namesIn(keeper.state)).toEqual(['n1']);
  });

  for (const loss of ['after', 'before'] as const) {
    it(`repeats under its first id a change whose answer was lost ${loss} it was made, and makes it once`, async () => {
      const { store, commits, losses } = makeLossyStore();
      const { keeper, clock } = await start({ store });
      losses.push(loss, loss);
      commits.length = 0;
      const { revision } = keeper.state;
      const changing = keeper.change(operator, accept('n1'));
      await clock.advance(1_000);
      await changing;
      expect(commits).toHaveLength(3);
      expect(new Set(commits.map(({ changeId }) => changeId)).size).toBe(1);
      expect(keeper.state.revision).toBe(revision + 1);
    });
  }

  it('tells a caller after 5 s that the outcome is not known, and finds it out before the next change', async () => {
    const { store, losses } = makeLossyStore();
    const { keeper, clock } = await start({ store });
    losses.push(...Array.from({ length: 60 }, () => 'after' as const));
    const first = keeper.change(operator, accept('n1'));
    const failed = expect(first).rejects.toMatchObject({ code: 'MESH_OUTCOME_UNKNOWN' });
    await clock.advance(5_100);
    await failed;
    const second = keeper.change(operator, accept('n2'));
    await clock.advance(5_000);
    await second;
    expect(namesIn(keeper.state)).toEqual(['n1', 'n2']);
  });

  it('ends the process when another main node took the mesh over', async () => {
    const database = createMemoryDatabase();
    const first = await start({ store: createMemoryStore(database) });
    await start({ store: createMemoryStore(database) });
    await expect(first.keeper.change(operator, accept('n1'))).rejects.toMatchObject({
      code: 'MESH_TERM_LOST',
    });
    expect(first.fatal.map(({ code }) => code)).toEqual(['MESH_TERM_LOST']);
  });

  it('notices a lost term without any change, at its next renewal', async () => {
    const database = createMemoryDatabase();
    const first = await start({ store: createMemoryStore(database) });
    await start({ store: createMemoryStore(database) });
    await first.clock.advance(1_000);
    expect(first.fatal.map(({ code }) => code)).toEqual(['MESH_TERM_LOST']);
  });

  it('says that its term is not held any more when the store is silent for 5 s', async () => {
    const store = createMemoryStore();
    const { keeper, clock } = await start({ store });
    await clock.advance(2_000);
    expect(keeper.isTermHeld).toBe(true);
    store.become('down');
    await clock.advance(5_100);
    expect(keeper.isTermHeld).toBe(false);
  });

  it('refuses changes while there is too little disk', async () => {
    const full = new MeshError('MESH_STORE_DISK_FULL', 'full');
    const { keeper } = await start({ refusal: () => full });
    await expect(keeper.change(operator, accept('n1'))).rejects.toBe(full);
  });

  it('refuses a store of another mesh than its own', async () => {
    const ownRecord = makeOwnRecord();
    await start({ ownRecord });
    const other = createMemoryDatabase();
    await start({
      store: createMemoryStore(other),
      random: { bytes: (n) => new Uint8Array(n).fill(7), next: () => 0 },
    });
    await expect(startKeeper({ store: createMemoryStore(other), ownRecord })).rejects.toMatchObject(
      {
        code: 'MESH_STORE_FORMAT',
      },
    );
  });

  it('is at its bound with 256 waiting changes', async () => {
    const { keeper } = await start();
    const waiting = Array.from({ length: 256 }, (_, at) =>
      keeper.change(operator, accept(`n${at}`)),
    );
    await expect(keeper.change(operator, accept('more'))).rejects.toMatchObject({
      code: 'MESH_BUSY',
    });
    await Promise.all(waiting);
    expect(keeper.state.nodes.size).toBe(256);
  });
});

describe('an emptied or older database', () => {
  it('makes no new mesh, repeats no term and no epoch', async () => {
    const ownRecord = makeOwnRecord();
    const first = await start({ ownRecord });
    const epochs = [first.keeper.mintEpoch(), first.keeper.mintEpoch()];
    const second = await start({
      ownRecord,
      store: createMemoryStore(createMemoryDatabase('new')),
    });
    expect(second.keeper.state.mesh).toBe(first.keeper.state.mesh);
    expect(second.keeper.term).toBeGreaterThan(first.keeper.term);
    epochs.push(second.keeper.mintEpoch(), second.keeper.mintEpoch());
    expect(new Set(epochs).size).toBe(4);
  });

  it('claims above a term that a node knows, and then takes what was obeyed under it for unknown', async () => {
    const { keeper } = await start();
    const { term, state } = keeper;
    await keeper.raiseTerm(41);
    expect(keeper.term).toBe(42);
    expect(standingOf({ mesh: state.mesh, term, revision: 1 }, keeper.state)).toBe('ahead');
    await keeper.raiseTerm(40);
    expect(keeper.term).toBe(42);
  });
});
