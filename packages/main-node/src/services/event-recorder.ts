import {
  toMeshError,
  type Actor,
  type Clock,
  type Component,
  type Counter,
  type Logger,
  type MeshStore,
  type Random,
  type Term,
} from '@meshwork/shared';
import { stampEvents, type EventBody, type NewEvent } from '../core/new-event.ts';

/** Observed changes that may wait while the store is away; more push out the oldest, counted. */
export const maxWaitingEvents = 10_000;
const batch = 100;
const retryMs = 500;

/** Writes what was observed (not what somebody changed: that goes with the change itself) to the event stream. */
export interface EventRecorder extends Component {
  record(actor: Actor, ...bodies: readonly EventBody[]): void;
}

/** Records in order, in batches; keeps a bounded number while the store is away. */
export function createEventRecorder(deps: {
  readonly store: MeshStore;
  readonly term: () => Term;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lost: Counter;
}): EventRecorder {
  const { store, clock, logger } = deps;
  const stopping = new AbortController();
  const waiting: NewEvent[] = [];
  let writing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const events = waiting.slice(0, batch);
      const changeId = Buffer.from(deps.random.bytes(16)).toString('hex');
      if (!(await write(changeId, events))) return;
      waiting.splice(0, events.length);
    }
  }

  /** Repeats one batch under one id until the store has it; false when it never will be. */
  async function write(changeId: string, events: readonly NewEvent[]): Promise<boolean> {
    for (;;) {
      try {
        await store.commit({ term: deps.term(), changeId, events });
        return true;
      } catch (thrown) {
        const error = toMeshError(thrown);
        if (!error.row.retryable && error.code !== 'MESH_OUTCOME_UNKNOWN') {
          logger.warn({ err: error, events: events.length }, 'events could not be recorded');
          return false;
        }
        // The last events of a stop get one try.
        if (stopping.signal.aborted) return false;
        await clock.sleep(retryMs, stopping.signal).catch(() => {});
      }
    }
  }

  function kick(): void {
    writing ??= drain()
      .catch((error: unknown) => logger.error({ err: error }, 'event recorder failed'))
      .finally(() => (writing = undefined));
  }

  return {
    name: 'event recorder',
    record(actor, ...bodies) {
      waiting.push(...stampEvents(bodies, { atMs: clock.now(), actor }));
      const over = waiting.length - maxWaitingEvents;
      if (over > 0) {
        // The first batch may be on its way.
        waiting.splice(batch, over);
        deps.lost.inc({}, over);
        logger.warn({ lost: over }, 'too many events wait for the store; the oldest were dropped');
      }
      kick();
    },
    async start() {},
    async stop() {
      stopping.abort(new Error('the event recorder is stopping'));
      kick();
      await writing;
    },
  };
}
