import { MeshError, type MeshStore } from '@meshwork/shared';
import { createFakeClock, createMemoryStore } from '@meshwork/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { mainNodeActor, type EventBody } from '../../../src/core/new-event.ts';
import { createEventRecorder, maxWaitingEvents } from '../../../src/services/event-recorder.ts';
import { makeRandom, silent } from '../../fixtures/make-keeper.ts';

let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

const body = (key: string): EventBody => ({ kind: 'config.changed', key });

async function start(wrap: (store: MeshStore) => Partial<MeshStore> = () => ({})) {
  const memory = createMemoryStore(undefined, { eventsKept: 1_000_000 });
  const { term } = await memory.claimTerm({ atLeast: 0, owner: 'test' });
  const store: MeshStore = { ...memory, state: 'up', ...wrap(memory) };
  const clock = createFakeClock();
  let lost = 0;
  const recorder = createEventRecorder({
    store,
    term: () => term,
    clock,
    random: makeRandom(),
    logger: silent,
    lost: { inc: (_, by = 1) => void (lost += by) },
  });
  const { signal } = new AbortController();
  stop = () => recorder.stop(signal);
  const keys = async () => {
    const events = await memory.readLastEvents(1_000_000);
    return events.map((event) => event.body['key']);
  };
  return { memory, clock, recorder, keys, lost: () => lost };
}

describe('event recorder', () => {
  it('writes in order what was observed while the store was away', async () => {
    const { memory, clock, recorder, keys } = await start();
    memory.become('down');
    for (let at = 0; at < 250; at += 1) recorder.record(mainNodeActor, body(`k${at}`));
    await clock.advance(2_000);
    memory.become('up');
    await clock.advance(2_000);
    expect(await keys()).toEqual(Array.from({ length: 250 }, (_, at) => `k${at}`));
  });

  it('writes a batch once whose answer was lost', async () => {
    let losses = 2;
    const { clock, recorder, keys } = await start((memory) => ({
      async commit(change) {
        const done = await memory.commit(change);
        if ((losses -= 1) >= 0) throw new MeshError('MESH_OUTCOME_UNKNOWN', 'lost');
        return done;
      },
    }));
    recorder.record(mainNodeActor, body('a'), body('b'));
    await clock.advance(2_000);
    expect(await keys()).toEqual(['a', 'b']);
  });

  it('drops the oldest at its bound, and counts them', async () => {
    const { memory, clock, recorder, keys, lost } = await start();
    memory.become('down');
    for (let at = 0; at < maxWaitingEvents + 7; at += 1)
      recorder.record(mainNodeActor, body(`k${at}`));
    memory.become('up');
    await clock.advance(5_000);
    expect(lost()).toBe(7);
    const written = await keys();
    expect(written).toHaveLength(maxWaitingEvents);
    expect(written.at(-1)).toBe(`k${maxWaitingEvents + 6}`);
  });

  it('gives what waits one more try when it stops', async () => {
    const { memory, recorder, keys } = await start();
    memory.become('down');
    recorder.record(mainNodeActor, body('last'));
    await Promise.resolve();
    memory.become('up');
    await stop();
    expect(await keys()).toEqual(['last']);
  });
});
