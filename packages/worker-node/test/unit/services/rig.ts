/** Supervision with a fake clock and ports that a test plays. */
import {
  AgentSpec,
  type AssignedInstance,
  type Health,
  type InstanceId,
  type InstanceReport,
  type LaunchSpec,
  type Logger,
  type Metrics,
  type NodeReport,
  type ProcessRuntime,
  type Run,
  type RunExit,
} from '@meshwork/shared';
import { createFakeClock, type FakeClock } from '@meshwork/testkit';
import type { InstanceRecord } from '../../../src/core/instance-record.ts';
import {
  createDesiredStore,
  type DesiredDocument,
  type DesiredStore,
} from '../../../src/services/desired-store.ts';
import type { ProbeResult } from '../../../src/services/ports.ts';
import { createSupervision, type Supervision } from '../../../src/services/supervision.ts';

/** A run that the test ends. */
export interface PlayedRun extends Run {
  readonly spec: LaunchSpec;
  exits(exit: Partial<RunExit>): void;
  /** Processes that `end` cannot end. */
  left: readonly number[];
}

export interface SupervisionRig {
  readonly clock: FakeClock;
  readonly supervision: Supervision;
  readonly runs: Map<string, PlayedRun>;
  readonly launches: LaunchSpec[];
  readonly probes: Map<InstanceId, (result: ProbeResult) => void>;
  readonly reports: NodeReport[];
  readonly disk: { desired: DesiredDocument | undefined; readError?: Error };
  /** Ports that somebody else holds. */
  readonly heldPorts: Map<number, string>;
  /** Launches that the test lets go on. */
  holdLaunches: boolean;
  readonly heldLaunches: ((error?: Error) => void)[];
  lastLines: readonly string[];
  start(): Promise<void>;
  stop(): Promise<void>;
  assign(agents: Readonly<Record<string, object>>, revision?: number): Promise<void>;
  state(agent: string): string | undefined;
  report(agent: string): InstanceReport | undefined;
}

const never = new AbortController().signal;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const uncounted: Metrics = {
  counter: () => ({ inc() {} }),
  gauge: () => ({ set() {}, remove() {} }),
  histogram: () => ({ observe() {} }),
};

/** Lets time pass, and then what it woke run on: a woken loop goes on in the next turn. */
export async function pass(clock: FakeClock, ms: number): Promise<void> {
  await clock.advance(ms);
  for (let turn = 0; turn < 5; turn += 1) await clock.advance(0);
}

export function createSupervisionRig(options: { startConcurrency?: number } = {}): SupervisionRig {
  const clock = createFakeClock();
  const runs = new Map<string, PlayedRun>();
  const launches: LaunchSpec[] = [];
  const probes: SupervisionRig['probes'] = new Map();
  const reports: NodeReport[] = [];
  const records = new Map<InstanceId, InstanceRecord>();
  const disk: SupervisionRig['disk'] = { desired: undefined };
  const heldPorts = new Map<number, string>();
  const heldLaunches: SupervisionRig['heldLaunches'] = [];
  let pid = 100;
  let revision = 0;

  const runtime: ProcessRuntime = {
    name: 'played-runtime',
    async start() {},
    async stop() {},
    check: async () => [],
    async launch(spec) {
      launches.push(spec);
      if (rig.holdLaunches) {
        await new Promise<void>((resolve, reject) => {
          heldLaunches.push((error) => (error === undefined ? resolve() : reject(error)));
        });
      }
      const run = createPlayedRun(spec, (pid += 1), clock.now(), () => runs.delete(spec.id));
      runs.set(spec.id, run);
      return run;
    },
    adopt: async () => [],
  };
  const store: DesiredStore = createDesiredStore(
    {
      desired: {
        async read() {
          if (disk.readError !== undefined) throw disk.readError;
          return disk.desired;
        },
        async write(data) {
          disk.desired = data;
        },
      },
      peers: { read: async () => undefined, write: async () => {} },
    },
    { maxAgeMs: 7 * 86_400_000, highestTerm: 0 },
    clock,
  );
  const supervision = createSupervision({
    clock,
    random: { bytes: (count) => new Uint8Array(count), next: () => 0.5 },
    logger: silent,
    metrics: uncounted,
    runtime,
    prober: {
      watch: ({ instance }, _: Health, onResult) => probes.set(instance, onResult),
      unwatch: (instance) => probes.delete(instance),
      probe: async () => ({ ok: true, durationMs: 1 }),
    },
    caller: { inFlight: () => 0 },
    links: {
      name: 'played-links',
      async start() {},
      async stop() {},
      open: async () => ({ endpoint: 'ipc://link', token: 'token' }),
      async close() {},
      hasSdk: () => false,
      drain() {},
      progress: () => undefined,
    },
    machine: {
      account: async () => ({ name: 'me', home: '/home/me' }),
      inherited: { PATH: '/usr/bin' },
      readEnvFile: async () => ({}),
      portHolder: async (port) => heldPorts.get(port),
    },
    records: {
      load: () => records,
      save: (instance, record) => records.set(instance, record),
      remove: (instance) => records.delete(instance),
    },
    store,
    bootId: 'boot',
    node: 'pc2' as never,
    vars: {},
    startConcurrency: options.startConcurrency ?? 16,
    portRange: [20_000, 20_010],
    logs: {
      dir: (instance) => `/logs/${instance}`,
      segmentBytes: 4096,
      maxSegments: 2,
      readLast: async () => rig.lastLines,
      async remove() {},
    },
    incarnation: () => 1,
    sendReport(report) {
      reports.push(report);
      return 'queued';
    },
    onDigest() {},
  });

  const rig: SupervisionRig = {
    clock,
    supervision,
    runs,
    launches,
    probes,
    reports,
    disk,
    heldPorts,
    heldLaunches,
    holdLaunches: false,
    lastLines: [],
    async start() {
      for (const component of supervision.components) await component.start(never);
      await pass(clock, 0);
    },
    async stop() {
      for (const component of supervision.components.toReversed()) await component.stop(never);
    },
    async assign(agents, under) {
      revision = under ?? revision + 1;
      await supervision.supervisor.assign({
        mesh: 'a'.repeat(32) as never,
        term: 1,
        revision,
        node: 'pc2' as never,
        instances: Object.entries(agents).map(([agent, spec]) => assigned(agent, spec)),
      });
      await pass(clock, 100);
    },
    state: (agent) => supervision.instances.get(`${agent}.0` as InstanceId)?.state.status,
    report: (agent) => supervision.reporter.current().instances.find((row) => row.agent === agent),
  };
  return rig;
}

export function assigned(agent: string, spec: object): AssignedInstance {
  return {
    instance: `${agent}.0`,
    agent,
    fleet: 'home',
    epoch: '1.1',
    nonce: 0,
    desired: 'run',
    spec: AgentSpec.parse({ command: [agent], ...spec }),
  } as AssignedInstance;
}

function createPlayedRun(
  spec: LaunchSpec,
  pid: number,
  startedAtMs: number,
  onForgotten: () => void,
): PlayedRun {
  const exit = Promise.withResolvers<RunExit>();
  let ended = false;
  const run: PlayedRun = {
    spec,
    id: spec.id,
    tag: spec.tag,
    pid,
    startedAtMs,
    containment: 'traced',
    adopted: false,
    left: [],
    get ended() {
      return ended;
    },
    exit: exit.promise,
    exits(how) {
      ended = true;
      exit.resolve({ evidence: 'shim', atMs: startedAtMs, ...how });
    },
    signal: async () => 'sent',
    async end({ signal }) {
      if (run.left.length > 0) return { signalled: 1, killed: 0, left: run.left };
      if (!ended) run.exits({ signal });
      return { exit: await exit.promise, signalled: 1, killed: 0, left: [] };
    },
    async forget() {
      onForgotten();
    },
  };
  return run;
}
