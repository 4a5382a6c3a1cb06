/** Everything of one mesh has this prefix, and by its hash tag one place in a cluster. */
export const STORE_PREFIX = '{mesh}:';

/** Names of the keys that the store uses besides one hash per collection. */
export const STORE_KEYS = {
  meta: `${STORE_PREFIX}meta`,
  changes: `${STORE_PREFIX}changes`,
  changeOrder: `${STORE_PREFIX}change-order`,
  events: `${STORE_PREFIX}events`,
  collections: `${STORE_PREFIX}collections`,
  migrationLock: `${STORE_PREFIX}migration-lock`,
} as const;

/** The hash that holds one collection's documents, JSON by key. */
export function collectionKey(collection: string): string {
  return `${STORE_PREFIX}doc:${collection}`;
}
