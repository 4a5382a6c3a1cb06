/*
 * Invariant: what `state` says is durable. Changes go one at a time: decided on the latest state, committed under an id of their
 * own, and only then seen. A change whose answer was lost is repeated under the same id before anything else is decided.
 */
import {
  Epoch,
  MeshError,
  toMeshError,
  type Actor,
  type Clock,
  type Component,
  type Logger,
  MeshId,
  type MeshStore,
  type Random,
  type StoreChange,
  type Term,
} from '@meshwork/shared';
import type { Transition } from '../core/apply-plan.ts';
import { emptyMeshState, type MeshState } from '../core/mesh-state.ts';
import { mainNodeActor, stampEvents, type EventBody } from '../core/new-event.ts';
import { beginReign } from '../core/reigns.ts';
import {
  diffDocuments,
  fromSnapshot,
  stateCollections,
  type LoadedState,
} from '../core/state-documents.ts';

/** Changes that may wait for their turn. */
const maxWaiting = 256;
/** How long a change whose answer was lost is repeated before its caller is told that the outcome is unknown, ms. */
const settleMs = 5_000;
const retryMs = 100;
const renewEveryMs = 1_000;
/** A term that was not renewed for so long may have been lost unheard. */
const heldForMs = 5_000;

/** Decides one change on the latest state; throwing refuses it. */
export type Decide<Result> = (state: MeshState) => Transition & { readonly result: Result };

/** The durable state in memory, and the one way to change it. */
export interface StateKeeper extends Component {
  readonly state: MeshState;
  readonly term: Term;
  /** The store confirmed this reign within the last seconds. */
  readonly isTermHeld: boolean;
  /** A new epoch of this reign; never repeated. */
  mintEpoch(): Epoch;
  /**
   * Makes one change durable, then visible. Resolves with what `decide` returned.
   *
   * Rejects with what `decide` threw, MESH_STORE_UNAVAILABLE (nothing changed), MESH_OUTCOME_UNKNOWN, MESH_BUSY.
   */
  change<Result>(actor: Actor, decide: Decide<Result>): Promise<Result>;
  /** Begins another reign above this term, unless ours is: somebody knows a term that is not below ours. */
  raiseTerm(above: Term): Promise<void>;
  /** Makes the revision rise without another change, so that an assignment with another content is newer. */
  bumpRevision(): Promise<void>;
  /** Called after each change, in order. */
  onChanged(listener: (after: MeshState, before: MeshState) => void): void;
}

/** What is kept outside the store, so that an older or empty database makes neither another mesh nor an old term. */
export interface OwnRecord {
  read(): Promise<{ readonly mesh: MeshId; readonly highestTerm: Term } | undefined>;
  write(record: { readonly mesh: MeshId; readonly highestTerm: Term }): Promise<void>;
}

/** What the keeper works with. `onFatal`: the process must end, another one starts over. */
export interface StateKeeperDeps {
  readonly store: MeshStore;
  readonly ownRecord: OwnRecord;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly release: string;
  /** Why nothing may be written now, e.g. for want of disk; undefined when it may. */
  readonly refusal: () => MeshError | undefined;
  readonly onFatal: (error: MeshError) => void;
}

/** Loads the state at start, claims a term, and keeps both. */
export function createStateKeeper(deps: StateKeeperDeps): StateKeeper {
  const { store, clock, logger, random } = deps;
  const owner = mintId(random);
  const listeners: ((after: MeshState, before: MeshState) => void)[] = [];
  const stopping = new AbortController();
  let state: MeshState = emptyMeshState(mintMeshId(random));
  /** What the store holds; differs from `state` only until the first commit has written the identity. */
  let stored: LoadedState = state;
  let term: Term = 0;
  let epochs = 0;
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  let waiting = 0;
  let turn: Promise<unknown> = Promise.resolve();
  let renewing: Promise<void> = Promise.resolve();

  async function inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    if (stopping.signal.aborted) throw new MeshError('MESH_STOPPING', 'the main node is stopping');
    if (waiting >= maxWaiting) {
      throw new MeshError('MESH_BUSY', `${waiting} changes wait already; nothing was changed`);
    }
    waiting += 1;
    const mine = turn.then(act);
    turn = mine.catch(() => {}).finally(() => (waiting -= 1));
    return mine;
  }

  /** Resolves with the revision, however often the answer is lost; `told` learns when that takes too long. */
  async function commitSurely(
    change: StoreChange,
    told: (error: MeshError) => void,
  ): Promise<number> {
    const givenUpAtMs = clock.monotonic() + settleMs;
    for (let isRepeat = false; ; isRepeat = true) {
      try {
        return (await store.commit(change)).revision;
      } catch (thrown) {
        const error = toMeshError(thrown);
        const isLost = error.code === 'MESH_OUTCOME_UNKNOWN';
        const isAway = error.code === 'MESH_STORE_UNAVAILABLE';
        if (!isLost && !(isRepeat && isAway)) throw error;
        if (clock.monotonic() >= givenUpAtMs) told(outcomeUnknown(error));
        await clock.sleep(retryMs, stopping.signal).catch(() => {
          throw outcomeUnknown(error);
        });
      }
    }
  }

  async function commit(
    next: MeshState,
    events: StoreChange['events'],
    told: (error: MeshError) => void,
  ): Promise<void> {
    const { set, delete: gone } = diffDocuments(stored, next);
    const change: StoreChange = {
      term,
      changeId: mintId(random),
      expectRevision: state.revision,
      set,
      delete: gone,
      ...(events === undefined ? {} : { events }),
    };
    let revision: number;
    try {
      revision = await commitSurely(change, told);
    } catch (thrown) {
      const error = toMeshError(thrown);
      if (endsReign.has(error.code)) deps.onFatal(error);
      throw error;
    }
    const before = state;
    state = { ...next, revision };
    stored = state;
    for (const listener of listeners) listener(state, before);
  }

  async function claim(atLeast: Term, reigns: MeshState['reigns']): Promise<void> {
    const claimed = await store.claimTerm({ atLeast, owner });
    // On disk before anybody hears of it: an older database must not make us use it twice.
    await deps.ownRecord.write({ mesh: state.mesh, highestTerm: claimed.term });
    term = claimed.term;
    renewedAtMs = clock.monotonic();
    epochs = 0;
    const next = { ...state, reigns: beginReign(reigns, term, state.revision) };
    const body: EventBody = { kind: 'main-node.started', term, release: deps.release };
    const stamp = { atMs: clock.now(), actor: mainNodeActor };
    await commit(next, stampEvents([body], stamp), () => {});
    logger.info({ term, revision: state.revision, mesh: state.mesh }, 'term claimed');
  }

  async function renew(): Promise<void> {
    for await (const _ of clock.ticks(renewEveryMs, stopping.signal)) {
      if (store.state === 'down') continue;
      try {
        await store.renewTerm(term);
        renewedAtMs = clock.monotonic();
      } catch (thrown) {
        const error = toMeshError(thrown);
        if (endsReign.has(error.code)) deps.onFatal(error);
        else logger.debug({ err: error }, 'term not renewed');
      }
    }
  }

  return {
    name: 'state keeper',
    get state() {
      return state;
    },
    get term() {
      return term;
    },
    get isTermHeld() {
      return clock.monotonic() - renewedAtMs < heldForMs;
    },
    mintEpoch() {
      epochs += 1;
      return Epoch.parse(`${term}.${epochs}`);
    },
    async start() {
      await store.open();
      const loaded = fromSnapshot(await store.load(stateCollections));
      const own = await deps.ownRecord.read();
      if (own !== undefined && loaded.mesh !== undefined && own.mesh !== loaded.mesh) {
        throw new MeshError(
          'MESH_STORE_FORMAT',
          `the store holds mesh ${loaded.mesh}, this data directory belongs to mesh ${own.mesh}; give it its own store`,
          { details: { stored: loaded.mesh, own: own.mesh } },
        );
      }
      const mesh = loaded.mesh ?? own?.mesh ?? mintMeshId(random);
      if (loaded.mesh === undefined && own !== undefined) {
        logger.warn(
          { mesh },
          'the store is empty; nodes keep what they run as unclaimed until it is applied or adopted',
        );
      }
      stored = loaded;
      state = { ...loaded, mesh };
      await inTurn(() => claim(own?.highestTerm ?? 0, state.reigns));
      renewing = renew();
    },
    async stop() {
      stopping.abort(new MeshError('MESH_STOPPING', 'the main node is stopping'));
      await Promise.all([turn, renewing]);
    },
    async change<Result>(actor: Actor, decide: Decide<Result>): Promise<Result> {
      const outcome = Promise.withResolvers<Result>();
      const refusal = deps.refusal();
      if (refusal !== undefined) throw refusal;
      inTurn(async () => {
        const { state: next, events, result } = decide(state);
        if (next !== state || events.length > 0) {
          const stamped = stampEvents(events, { atMs: clock.now(), actor });
          await commit(next, stamped, outcome.reject);
        }
        return result;
      }).then(outcome.resolve, outcome.reject);
      return outcome.promise;
    },
    raiseTerm: (above) =>
      inTurn(async () => {
        if (term > above) return;
        // Somebody else wrote under our term, too: what a node obeyed under it tells nothing about our records.
        await claim(
          above,
          state.reigns.filter((reign) => reign.term !== term),
        );
      }),
    bumpRevision: () =>
      inTurn(() => commit({ ...state, reigns: [...state.reigns] }, undefined, () => {})),
    onChanged(listener) {
      listeners.push(listener);
    },
  };
}

/** Failures after which this process may change nothing any more: the next one starts from what the store says. */
const endsReign: ReadonlySet<string> = new Set([
  'MESH_TERM_LOST',
  'MESH_STORE_WENT_BACK',
  'MESH_PLAN_STALE',
]);

function outcomeUnknown(cause: MeshError): MeshError {
  return new MeshError(
    'MESH_OUTCOME_UNKNOWN',
    'the change was sent to the store and its answer was lost; it is repeated until the store says',
    { cause },
  );
}

function mintId(random: Random): string {
  return Buffer.from(random.bytes(16)).toString('hex');
}

function mintMeshId(random: Random): MeshId {
  return MeshId.parse(mintId(random));
}
