import type {
  Clock,
  Component,
  Incarnation,
  InstanceId,
  InstanceReport,
  Logger,
  NodeReport,
  SendOutcome,
} from '@meshwork/shared';
import type { DesiredState } from '../core/reconcile.ts';
import type { Instance, Observation } from './instance.ts';
import { createBell } from './bell.ts';
import type { UnreadableInstance } from './read-spec.ts';
import { digestReports, toInstanceReport, toUnreadableReport } from './to-report.ts';

/** What the reporter needs from outside. */
export interface ReporterDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instances: ReadonlyMap<InstanceId, Instance>;
  desired(): DesiredState;
  hold(): string | undefined;
  incarnation(): Incarnation;
  callsInFlight(instance: InstanceId): number;
  hasSdk(instance: InstanceId): boolean;
  /** What the agent itself said of its work. */
  progress(instance: InstanceId): Observation | undefined;
  /** Instances that this release cannot obey. */
  unreadable(): readonly UnreadableInstance[];
  /** Replaces a report that still waits to be sent. */
  send(report: NodeReport): SendOutcome;
  /** The digest that heartbeats carry. */
  onDigest(digest: string): void;
}

/** Tells the main node the complete state of this node. */
export interface Reporter extends Component {
  /** Something may have changed: a report follows soon, if it says anything new. */
  notify(): void;
  /** Reports now, whether anything is new or not. */
  reportNow(): void;
  /** The report as it is now. */
  current(): NodeReport;
}

/** Changes of so long are told in one report. */
const GATHER_MS = 20;
/** A report is sent at least so often: ages and load of what did not change. */
const REPORT_EVERY_MS = 5_000;
/** Reports stay under a message's bound: this many last lines in all. */
const MAX_LAST_LINES = 2_000;

/** Reports at each change, gathered for {@link GATHER_MS}, and every {@link REPORT_EVERY_MS}. */
export function createReporter(deps: ReporterDeps): Reporter {
  const { clock } = deps;
  const stopping = new AbortController();
  const bell = createBell(clock);
  let sent: { readonly news: string; readonly atMs: number } | undefined;
  let working: Promise<void> = Promise.resolve();

  function current(): NodeReport {
    const nowMs = clock.boot();
    const hold = deps.hold();
    let leftLines = MAX_LAST_LINES;
    const instances = [...deps.instances.values()].map((instance): InstanceReport => {
      const { id } = instance;
      const report = toInstanceReport(instance, {
        nowMs,
        hold,
        callsInFlight: deps.callsInFlight(id),
        hasSdk: deps.hasSdk(id),
        progress: deps.progress(id),
      });
      leftLines -= report.lastLines?.length ?? 0;
      if (leftLines >= 0) return report;
      const { lastLines: _, ...short } = report;
      return short;
    });
    for (const unreadable of deps.unreadable()) {
      if (!deps.instances.has(unreadable.assigned.instance))
        instances.push(toUnreadableReport(unreadable));
    }
    const { mesh, term, revision } = deps.desired();
    const digest = digestReports(instances);
    const base = { incarnation: deps.incarnation(), digest, term, revision, instances };
    return mesh === undefined ? base : { ...base, mesh };
  }

  function send(report: NodeReport): void {
    sent = { news: newsOf(report), atMs: clock.monotonic() };
    deps.onDigest(report.digest);
    deps.send(report);
  }

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      const dueMs = (sent?.atMs ?? clock.monotonic()) + REPORT_EVERY_MS;
      await bell.wait(Math.max(0, dueMs - clock.monotonic()), stopping.signal);
      await clock.sleep(GATHER_MS, stopping.signal).catch(() => {});
      if (stopping.signal.aborted) return;
      const report = current();
      const isOld = sent === undefined || clock.monotonic() - sent.atMs >= REPORT_EVERY_MS;
      if (isOld || newsOf(report) !== sent?.news) send(report);
    }
  }

  return {
    name: 'reporter',
    async start() {
      working = work();
    },
    async stop() {
      stopping.abort();
      await working;
      bell.close();
    },
    notify: bell.ring,
    reportNow() {
      send(current());
    },
    current,
  };
}

/** What the main node waits for: how the instances are, and which assignment is obeyed. */
function newsOf({ digest, mesh, term, revision }: NodeReport): string {
  return `${digest} ${mesh ?? ''} ${term}.${revision}`;
}
