import type { Actor, MeshEvent } from '@meshwork/shared';

/** What happened, before it is stamped. */
export type EventBody = MeshEvent extends infer Event
  ? Event extends MeshEvent
    ? Omit<Event, 'id' | 'atMs' | 'actor' | 'source'>
    : never
  : never;

/** An event as it is written to the stream, which gives it its id. */
export type NewEvent = EventBody & {
  readonly atMs: number;
  readonly actor: Actor;
  readonly source: string;
};

/** Stamps what one change did with who did it and when (wall clock). */
export function stampEvents(
  bodies: readonly EventBody[],
  stamp: { readonly atMs: number; readonly actor: Actor },
): readonly NewEvent[] {
  return bodies.map((body) => ({ ...body, ...stamp, source: 'main-node' }));
}

/** The main node itself, where it acts on its own. */
export const mainNodeActor: Actor = { kind: 'main-node', name: 'main-node' };
