import { CONTRACT_EVENTS_KEPT, describeStore } from '../../src/contracts/store.ts';
import { createMemoryDatabase, createMemoryStore } from '../../src/memory-store.ts';

describeStore('memory', async () => {
  const database = createMemoryDatabase();
  const another = () => createMemoryStore(database, { eventsKept: CONTRACT_EVENTS_KEPT });
  return { store: another(), another: async () => another(), end: async () => {} };
});
