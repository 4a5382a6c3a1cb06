import type { Component, Hub, MeshStore } from '@meshwork/shared';
import { mainNodeActor } from '../core/new-event.ts';
import type { Assigner } from './assigner.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { LiveNodes } from './live-nodes.ts';
import type { StateKeeper } from './state-keeper.ts';

/** Keeps in step with the durable state: who is watched, which term is spoken, what is assigned. Starts before the hub does. */
export function createStateFollowers(deps: {
  readonly keeper: Pick<StateKeeper, 'state' | 'term' | 'onChanged'>;
  readonly live: Pick<LiveNodes, 'follow'>;
  readonly assigner: Pick<Assigner, 'touch'>;
  readonly hub: Pick<Hub, 'setTerm'>;
  readonly store: Pick<MeshStore, 'onStateChange'>;
  readonly recorder: Pick<EventRecorder, 'record'>;
  /** Done first: what it changes is followed, too. */
  readonly before: () => Promise<unknown>;
}): Component {
  const { keeper } = deps;
  let stopListening = (): void => {};

  function follow(): void {
    const accepted = [...keeper.state.nodes.values()].filter(
      ({ admission }) => admission === 'accepted',
    );
    deps.live.follow(accepted.map(({ name }) => name));
  }

  return {
    name: 'state followers',
    async start() {
      await deps.before();
      follow();
      keeper.onChanged((after, before) => {
        if (after.nodes !== before.nodes) follow();
        deps.hub.setTerm(keeper.term);
        deps.assigner.touch();
      });
      stopListening = deps.store.onStateChange((now, reason) => {
        const before = now === 'up' ? 'down' : 'up';
        deps.recorder.record(mainNodeActor, { kind: 'store.state', before, after: now, reason });
      });
    },
    async stop() {
      stopListening();
    },
  };
}
