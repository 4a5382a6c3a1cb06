import type { Clock, Counter, InstanceId, Logger } from '@meshwork/shared';
import { toRecord, type InstanceRecord } from '../core/instance-record.ts';
import {
  claimedPart,
  type InstanceEffect,
  type InstanceEvent,
  type InstanceState,
} from '../core/instance-state.ts';
import { stepInstance } from '../core/step-instance.ts';
import { policyOf, type Instance } from './instance.ts';

/** Where instances' counters outlive the daemon. Synchronous: a state is on disk before what follows from it is done. */
export interface RecordStore {
  load(): ReadonlyMap<InstanceId, InstanceRecord>;
  save(instance: InstanceId, record: InstanceRecord): void;
  remove(instance: InstanceId): void;
}

/** What the table needs from outside. */
export interface InstanceTableDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly records: RecordStore;
  readonly bootId: string;
  readonly ignoredEvents: Counter;
  /** Carries out one effect; effects of one instance come one after the other. Must not reject. */
  carryOut(instance: Instance, effect: InstanceEffect): Promise<void>;
  /** A run ended badly, or could not be started. */
  onCrash(instance: Instance): void;
  /** Something changed that may let something else happen. */
  onChange(instance: Instance): void;
}

/** All instances of this node, and the only way to change one's state. */
export interface InstanceTable {
  readonly all: ReadonlyMap<InstanceId, Instance>;
  add(instance: Instance): void;
  /** Forgets an instance of which nothing is left. */
  drop(instance: Instance): void;
  /** Steps one instance, keeps the new state on disk, then queues what follows. */
  apply(instance: Instance, event: InstanceEvent): void;
  /** Keeps counters and ports on disk, when they changed. */
  keep(instance: Instance): void;
  /** Resolves when no effect is under way. */
  settled(): Promise<void>;
}

/** An empty table. */
export function createInstanceTable(deps: InstanceTableDeps): InstanceTable {
  const { clock, logger, records } = deps;
  const all = new Map<InstanceId, Instance>();
  /** What is on disk of each, to write only changes. */
  const kept = new Map<InstanceId, string>();

  function keep(instance: Instance): void {
    const { state, autoPorts, ranAs } = instance;
    const extras = ranAs === undefined ? {} : { ranAs };
    const record = toRecord(state, { bootId: deps.bootId, autoPorts, ...extras });
    const text = JSON.stringify(record);
    if (kept.get(instance.id) === text) return;
    try {
      records.save(instance.id, record);
      kept.set(instance.id, text);
    } catch (err) {
      // Supervision goes on: what is lost is at most a count, after a crash of the daemon.
      logger.error({ instance: instance.id, err }, 'state of an instance was not written');
    }
  }

  function apply(instance: Instance, event: InstanceEvent): void {
    const before = instance.state;
    const step = stepInstance(before, event, clock.boot(), policyOf(instance.assigned));
    if (step.ignored !== undefined) {
      deps.ignoredEvents.inc({ event: event.type });
      const { id } = instance;
      logger.debug({ instance: id, event: event.type, reason: step.ignored }, 'event ignored');
      return;
    }
    if (step.state === before && step.effects.length === 0) return;
    instance.state = step.state;
    // At once, not when the launch is carried out: until then it would look like one of what it was before.
    if (step.effects.some(({ type }) => type === 'launch')) instance.ranAs = instance.wantedAs;
    logChange(instance, before);
    keep(instance);
    for (const effect of step.effects) {
      instance.effects = instance.effects.then(() => deps.carryOut(instance, effect));
    }
    deps.onChange(instance);
  }

  function logChange(instance: Instance, before: InstanceState): void {
    const { history, status } = claimedPart(instance.state);
    const was = claimedPart(before);
    const isCrash = history.crashes > was.history.crashes;
    if (isCrash) deps.onCrash(instance);
    if (status === was.status && instance.state.status === before.status) return;
    const fields = { instance: instance.id, from: before.status, to: instance.state.status };
    const isEnd = isCrash || status === 'ended';
    const exit = isEnd ? { exit: history.lastExit, crashes: history.crashes } : {};
    logger.info({ ...fields, ...exit }, 'instance changed its state');
  }

  return {
    all,
    add(instance) {
      all.set(instance.id, instance);
      keep(instance);
      deps.onChange(instance);
    },
    drop(instance) {
      all.delete(instance.id);
      kept.delete(instance.id);
      try {
        records.remove(instance.id);
      } catch (err) {
        // It may be found again by the next daemon, which sees then that nothing of it is wanted.
        logger.error({ instance: instance.id, err }, 'end of an instance was not written');
      }
      deps.onChange(instance);
    },
    apply,
    keep,
    async settled() {
      await Promise.all([...all.values()].map((instance) => instance.effects));
    },
  };
}
