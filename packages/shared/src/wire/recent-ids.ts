/** The last ids of one peer, so that a frame delivered twice is noticed. */
export interface RecentIds {
  /** False when this id is among the last ones. */
  add(id: string): boolean;
}

/** Remembers the last `capacity` ids, forgetting the oldest. */
export function createRecentIds(capacity: number): RecentIds {
  const ids = new Set<string>();
  const ring: string[] = [];
  let next = 0;

  return {
    add(id) {
      if (ids.has(id)) return false;
      const oldest = ring[next];
      if (oldest !== undefined) ids.delete(oldest);
      ring[next] = id;
      ids.add(id);
      next = (next + 1) % capacity;
      return true;
    },
  };
}
