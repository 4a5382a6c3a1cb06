import type {
  AssignedInstance,
  Clock,
  Component,
  Counter,
  InstanceId,
  Logger,
  NodeAssign,
  NodePeers,
  ProcessRuntime,
  Random,
  Run,
} from '@meshwork/shared';
import type { Claim } from '../core/converge.ts';
import { fromRecord } from '../core/instance-record.ts';
import { createInstanceState, isAlive } from '../core/instance-state.ts';
import {
  dropLeft,
  leaveAll,
  nothingDesired,
  reconcile,
  stopUnclaimed,
  takeInUnclaimed,
  type DesiredState,
  type Verdict,
} from '../core/reconcile.ts';
import { adoptRuns } from './adoption.ts';
import { createBell } from './bell.ts';
import { convergeOnce } from './converge-once.ts';
import type { DesiredStore } from './desired-store.ts';
import { createInstance, identify, type Instance } from './instance.ts';
import type { InstanceTable, RecordStore } from './instance-table.ts';

/** What the supervisor needs from outside. */
export interface SupervisorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly table: InstanceTable;
  readonly records: RecordStore;
  readonly store: DesiredStore;
  readonly runtime: ProcessRuntime;
  readonly bootId: string;
  readonly assignments: Counter;
  bind(instance: Instance, run: Run, launch: number): void;
  /** Opens the link of a run that an earlier daemon started; never rejects. */
  openLink(instance: Instance): Promise<void>;
  /** Its spec changed while it lives: probes it as the new one says. */
  rewatch(instance: Instance): void;
  /** What was desired changed, though perhaps no instance did. */
  onChange(): void;
}

/** Looks after every instance of this node. */
export interface Supervisor extends Component {
  readonly desired: DesiredState;
  readonly peers: NodePeers;
  /** Why nothing is started; undefined: everything is. */
  readonly hold: string | undefined;
  /** Takes over an assignment; resolves when it is on disk and obeyed. Idempotent by term and revision. */
  assign(incoming: NodeAssign): Promise<Verdict>;
  /** Takes over what is ready elsewhere. */
  setPeers(peers: NodePeers): void;
  /** The main node is there, or is not. */
  setAlone(isAlone: boolean): void;
  /** Ends an unclaimed instance for good; false when none of that name is unclaimed. */
  stopUnclaimed(instance: InstanceId): Promise<boolean>;
  /** This node is no longer in the mesh: everything is ended for good. Answers how many instances live. */
  leave(): Promise<number>;
  /** Ends everything, dependants first, until the next start of the daemon; resolves when nothing lives. */
  drain(): Promise<void>;
  /** Something happened that may let something else happen. */
  nudge(): void;
  /** Nothing of an instance is left: drops it, unless it is wanted again. True when it was dropped. */
  forget(instance: Instance): Promise<boolean>;
}

/** How long the loop sleeps when nothing is due: it is woken by every change. */
const IDLE_MS = 60_000;

/** The loop around the table: decides nothing about single instances. */
export function createSupervisor(deps: SupervisorDeps): Supervisor {
  const { clock, logger, store, table } = deps;
  let desired: DesiredState = nothingDesired;
  let peers: NodePeers = { agents: [] };
  let hold: string | undefined;
  let aloneSinceMs: number | undefined;
  let isDraining = false;
  let isSaving = false;
  const drained = Promise.withResolvers<void>();
  const stopping = new AbortController();
  const bell = createBell(clock);
  let looping: Promise<void> = Promise.resolve();
  /** Changes of what is desired, one after the other. */
  let changes: Promise<unknown> = Promise.resolve();

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      const nowMs = clock.boot();
      const atMs = convergeOnce(table, { nowMs, peers, isDraining, hold, aloneSinceMs });
      if (isDraining && ![...table.all.values()].some(({ state }) => isAlive(state))) {
        drained.resolve();
      }
      // The boot clock has steps of 10 ms: never less than one, or it would be asked in a circle.
      const ms = atMs === undefined ? IDLE_MS : Math.max(10, atMs - nowMs);
      await bell.wait(ms, stopping.signal);
    }
  }

  function change<T>(make: () => Promise<T>): Promise<T> {
    const made = changes.then(make);
    changes = made.catch(() => {});
    return made;
  }

  async function setDesired(next: DesiredState): Promise<void> {
    // A term must be on disk before anything is done under it. The rest need not: a daemon that dies in between finds what it
    // started by itself, and is told again what it should be.
    const isNewTerm = next.highestTerm > desired.highestTerm;
    if (isNewTerm) await save(next);
    desired = next;
    syncTable();
    deps.onChange();
    bell.ring();
    if (!isNewTerm) await save(next);
  }

  async function save(what: DesiredState): Promise<void> {
    try {
      await store.save(what);
    } catch (err) {
      // Obeyed all the same: a full disk must not make the mesh deaf. After a restart the main node tells it again.
      logger.error({ revision: what.revision, err }, 'assignment was not written to disk');
    }
  }

  /** What was dropped need not be on disk at once: the next daemon would only drop it again. Many drops are one write. */
  function saveSoon(): void {
    if (isSaving) return;
    isSaving = true;
    void change(async () => {
      isSaving = false;
      await save(desired);
    });
  }

  function syncTable(): void {
    const lists: readonly Claim[] = ['leaving', 'unclaimed', 'claimed'];
    for (const claim of lists) {
      for (const assigned of desired[claim]) sync(assigned, claim);
    }
  }

  function sync(assigned: AssignedInstance, claim: Claim): void {
    const instance = table.all.get(assigned.instance);
    if (instance === undefined) {
      const state = createInstanceState(clock.boot());
      table.add(createInstance(assigned, { claim, state }));
      return;
    }
    const before = instance.assigned.spec.health;
    instance.assigned = assigned;
    instance.wantedAs = identify(assigned);
    instance.claim = claim;
    if (JSON.stringify(before) !== JSON.stringify(assigned.spec.health)) deps.rewatch(instance);
  }

  function loadTable(): void {
    const records = deps.records.load();
    const nowMs = clock.boot();
    for (const claim of ['leaving', 'unclaimed', 'claimed'] as const) {
      for (const assigned of desired[claim]) {
        const record = records.get(assigned.instance);
        const state =
          record === undefined
            ? createInstanceState(nowMs)
            : fromRecord(record, deps.bootId, nowMs);
        const { ranAs, autoPorts } = record ?? {};
        table.add(createInstance(assigned, { claim, state, ranAs, autoPorts }));
      }
    }
    for (const id of records.keys()) if (!table.all.has(id)) deps.records.remove(id);
  }

  return {
    name: 'supervisor',
    get desired() {
      return desired;
    },
    get peers() {
      return peers;
    },
    get hold() {
      return hold;
    },
    async start() {
      const found = await store.load();
      ({ desired, peers, hold } = { hold: undefined, ...found });
      if (hold !== undefined)
        logger.warn({ reason: hold }, 'nothing is started until the main node is heard');
      aloneSinceMs = clock.boot();
      const runs = await deps.runtime.adopt();
      loadTable();
      const taken = await adoptRuns(runs, deps);
      for (const { assigned } of taken) desired = takeInUnclaimed(desired, assigned);
      if (taken.length > 0) await store.save(desired);
      logger.info({ instances: table.all.size, runs: runs.length }, 'instances were looked for');
      looping = loop();
    },
    async stop() {
      stopping.abort();
      await looping;
      bell.close();
      await changes;
    },
    assign: (incoming) =>
      change(async () => {
        const { verdict, next } = reconcile(desired, incoming);
        deps.assignments.inc({ verdict });
        if (verdict === 'obeyed' || verdict === 'same') hold = undefined;
        if (verdict === 'obeyed') await setDesired(next);
        else if (verdict === 'same') await store.confirm(desired).catch(() => {});
        const { mesh, term, revision } = incoming;
        logger.info({ verdict, mesh, term, revision }, 'assignment received');
        bell.ring();
        return verdict;
      }),
    setPeers(next) {
      if (JSON.stringify(next) === JSON.stringify(peers)) return;
      peers = next;
      void change(() =>
        store.savePeers(next).catch((err: unknown) => {
          logger.warn({ err }, 'what is ready elsewhere was not written to disk');
        }),
      );
      bell.ring();
    },
    setAlone(isAlone) {
      aloneSinceMs = isAlone ? (aloneSinceMs ?? clock.boot()) : undefined;
      bell.ring();
    },
    stopUnclaimed: (instance) =>
      change(async () => {
        const next = stopUnclaimed(desired, instance);
        if (next !== undefined) await setDesired(next);
        return next !== undefined;
      }),
    leave: () =>
      change(async () => {
        const living = [...table.all.values()].filter(({ state }) => isAlive(state)).length;
        await setDesired(leaveAll(desired));
        return living;
      }),
    drain() {
      isDraining = true;
      bell.ring();
      return drained.promise;
    },
    nudge: bell.ring,
    forget: (instance) =>
      change(async () => {
        if (instance.claim === 'claimed' || (instance.claim === 'unclaimed' && !isDraining))
          return false;
        table.drop(instance);
        if (instance.claim === 'leaving') desired = dropLeft(desired, instance.id);
        saveSoon();
        return true;
      }),
  };
}
