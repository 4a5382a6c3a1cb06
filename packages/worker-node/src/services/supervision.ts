import type {
  Clock,
  Component,
  Incarnation,
  InstanceId,
  Logger,
  Metrics,
  NodeName,
  NodeReport,
  ProcessRuntime,
  Random,
  SendOutcome,
} from '@meshwork/shared';
import type { DesiredStore } from './desired-store.ts';
import { createEffects } from './effects.ts';
import type { Instance } from './instance.ts';
import { createInstanceTable, type RecordStore } from './instance-table.ts';
import { launchInstance, type LauncherDeps, type LaunchMachine } from './launcher.ts';
import { createSupervisionMetrics, instanceStates } from './metrics.ts';
import { addressesFor } from './order-view.ts';
import type { AgentLinkHost, Caller, Prober } from './ports.ts';
import type { UnreadableInstance } from './read-spec.ts';
import { createReporter, type Reporter } from './reporter.ts';
import { createSlots } from './slots.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

/** What supervision needs from outside. */
export interface SupervisionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly runtime: ProcessRuntime;
  readonly prober: Prober;
  readonly caller: Pick<Caller, 'inFlight'>;
  readonly links: AgentLinkHost;
  readonly machine: LaunchMachine;
  readonly records: RecordStore;
  readonly store: DesiredStore;
  readonly bootId: string;
  readonly node: NodeName;
  readonly vars: Readonly<Record<string, string>>;
  readonly startConcurrency: number;
  readonly portRange: readonly [number, number];
  readonly logs: LauncherDeps['logs'] & {
    /** The end of an instance's output. */
    readLast(instance: InstanceId, lines: number): Promise<readonly string[]>;
    remove(instance: InstanceId): Promise<void>;
  };
  incarnation(): Incarnation;
  sendReport(report: NodeReport): SendOutcome;
  onDigest(digest: string): void;
}

/** Everything that keeps a node's instances as they should be. */
export interface Supervision {
  readonly supervisor: Supervisor;
  readonly reporter: Reporter;
  readonly instances: ReadonlyMap<InstanceId, Instance>;
  /** Instances of the last assignment that this release cannot obey. */
  setUnreadable(instances: readonly UnreadableInstance[]): void;
  /** In the order of starting. */
  readonly components: readonly Component[];
}

/** Lines that are told of an instance that is not well. */
const LAST_LINES = 10;

/** Puts table, effects, supervisor and reporter together. */
export function createSupervision(deps: SupervisionDeps): Supervision {
  const { clock, random, logger, links, prober, logs } = deps;
  const metrics = createSupervisionMetrics(deps.metrics);

  const stopping = new AbortController();
  let unreadable: readonly UnreadableInstance[] = [];

  const effects = createEffects({
    clock,
    random,
    logger,
    prober,
    slots: createSlots(deps.startConcurrency),
    async launch(instance, launch) {
      const outcome = await launchInstance(instance, launch, launcher);
      const { agent } = instance.assigned;
      if (outcome.type === 'launched') metrics.launches.inc({ agent });
      return outcome;
    },
    readLastLines: (instance) => logs.readLast(instance, LAST_LINES),
    stopping: stopping.signal,
    beforeStop: (instance) => links.drain(instance),
    apply: (instance, event) => table.apply(instance, event),
    onObserved: () => reporter.notify(),
    async forget(instance) {
      if (!(await supervisor.forget(instance))) return;
      await links.close(instance.id);
      await logs.remove(instance.id);
    },
  });
  const table = createInstanceTable({
    clock,
    logger,
    records: deps.records,
    bootId: deps.bootId,
    ignoredEvents: metrics.ignoredEvents,
    carryOut: effects.carryOut,
    onCrash: ({ assigned }) => metrics.crashes.inc({ agent: assigned.agent }),
    onChange() {
      supervisor.nudge();
      onChange();
    },
  });
  const launcher: LauncherDeps = {
    ...deps,
    instances: table.all,
    addresses: (instance) => addressesFor(instance, table.all, supervisor.peers),
  };
  const supervisor = createSupervisor({
    clock,
    random,
    logger,
    table,
    records: deps.records,
    store: deps.store,
    runtime: deps.runtime,
    bootId: deps.bootId,
    assignments: metrics.assignments,
    bind: effects.bind,
    openLink,
    rewatch: effects.rewatch,
    onChange,
  });
  const reporter = createReporter({
    clock,
    logger,
    instances: table.all,
    desired: () => supervisor.desired,
    hold: () => supervisor.hold,
    incarnation: deps.incarnation,
    callsInFlight: (instance) => deps.caller.inFlight(instance),
    hasSdk: (instance) => links.hasSdk(instance),
    progress: (instance) => links.progress(instance),
    unreadable: () => unreadable,
    send: deps.sendReport,
    onDigest: deps.onDigest,
  });

  /** The run of an earlier daemon finds its link where it was. */
  async function openLink(instance: Instance): Promise<void> {
    try {
      const { agent, epoch, spec } = instance.assigned;
      const { uid, gid } = await deps.machine.account(spec.user);
      await links.open({ instance: instance.id, agent, epoch, uid, gid });
    } catch (err) {
      logger.error({ instance: instance.id, err }, 'agent link was not opened again');
    }
  }

  function onChange(): void {
    const counts = new Map<string, number>();
    for (const { state } of table.all.values()) {
      counts.set(state.status, (counts.get(state.status) ?? 0) + 1);
    }
    for (const state of instanceStates) metrics.instances.set(counts.get(state) ?? 0, { state });
    reporter.notify();
  }

  const lastOfAll: Component = {
    name: 'effects',
    async start() {},
    async stop() {
      stopping.abort();
    },
  };

  return {
    supervisor,
    reporter,
    instances: table.all,
    setUnreadable(instances) {
      unreadable = instances;
      reporter.notify();
    },
    components: [supervisor, reporter, lastOfAll],
  };
}
