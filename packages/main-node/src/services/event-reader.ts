import { Actor, type MeshStore, type StoredEvent } from '@meshwork/shared';
import type { SseMessage } from '@meshwork/platform';
import { z } from 'zod';

/**
 * An event as it is read: a `MeshEvent`, also of a newer or older release. Only its stamp is looked at, so that one event that
 * this release does not know hides no other.
 */
export const EventRow = z.looseObject({
  id: z.string(),
  kind: z.string(),
  atMs: z.number(),
  actor: Actor,
  source: z.string(),
});
export type EventRow = z.infer<typeof EventRow>;

/** Reads the event stream. */
export interface EventReader {
  /** Without `after` the newest ones; with it those behind, and `next` where there are more. Oldest first. */
  read(options: {
    readonly after?: string | undefined;
    readonly limit: number;
  }): Promise<{ items: EventRow[]; next?: string }>;
  /** The newest `limit` ones (or all behind `after`), then every new one. A `gap` event says that some were trimmed away. */
  follow(options: {
    readonly after?: string | undefined;
    readonly limit: number;
    readonly signal: AbortSignal;
  }): AsyncIterable<SseMessage>;
}

/** Reads from the store; while it is away following waits and reading is refused. */
export function createEventReader(
  store: Pick<MeshStore, 'readEvents' | 'readLastEvents' | 'followEvents'>,
): EventReader {
  return {
    async read({ after, limit }) {
      if (after === undefined)
        return { items: (await store.readLastEvents(limit)).flatMap(toRows) };
      const { events, next } = await store.readEvents({ after, limit });
      return { items: events.flatMap(toRows), ...(next === undefined ? {} : { next }) };
    },
    async *follow({ after, limit, signal }) {
      let position = after;
      if (position === undefined) {
        const newest = await store.readLastEvents(limit);
        for (const event of newest) yield* toMessages(event);
        // Behind the newest there is; in an empty stream behind its beginning.
        position = newest.at(-1)?.id ?? '0-0';
      }
      for await (const event of store.followEvents({ after: position, signal })) {
        if ('gap' in event) yield { event: 'gap', data: { gap: true } };
        else yield* toMessages(event);
      }
    },
  };
}

/** One row, or none for what is no event of the mesh. */
function toRows({ id, body }: StoredEvent): EventRow[] {
  const row = EventRow.safeParse({ ...body, id });
  return row.success ? [row.data] : [];
}

function toMessages(event: StoredEvent): SseMessage[] {
  return toRows(event).map((row) => ({ id: row.id, data: row }));
}
