/** One real worker node under a hub of the test's own, in the place of a main node. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  createHub,
  createMetrics,
  createProcessRuntime,
  createSystemClock,
  createSystemRandom,
  createWireMetrics,
  createZmqTransport,
  loadOrMintKeys,
  mintKeyPair,
  openDataDir,
  readLock,
} from '@meshwork/platform';
import {
  AgentSpec,
  MeshId,
  NodeAssign,
  NodeHeartbeat,
  NodeName,
  NodeReport,
  PublicKey,
  type Hub,
  type InstanceReport,
  type MessageOf,
  type Logger,
  type Peer,
} from '@meshwork/shared';
import { stringify } from 'yaml';
import { until } from './until.ts';

const entry = fileURLToPath(new URL('../../worker-node/src/main.ts', import.meta.url));
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const never = new AbortController().signal;

/** An agent of an assignment, with what differs from the usual. */
export interface RigAgent {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly epoch?: string;
  readonly nonce?: number;
  readonly desired?: 'run' | 'stop';
}

/** A worker node of its own data directory, and the test as its main node. */
export interface WorkerRig {
  /** Of the test; the node's data lies in `node/`. */
  readonly dir: string;
  readonly hub: Hub;
  /** Peers as they said hello, in order. */
  readonly hellos: readonly Peer[];
  readonly heartbeats: readonly NodeHeartbeat[];
  /** Starts the daemon and waits until it is ready; answers its pid. */
  start(env?: Readonly<Record<string, string>>): Promise<number>;
  /** Ends the daemon and waits for its end; answers its exit code. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** Sends the complete state under the next revision, or another one. */
  assign(
    agents: Readonly<Record<string, RigAgent>>,
    under?: { readonly mesh?: string; readonly term?: number; readonly revision?: number },
  ): void;
  /** What the node reported last of an agent's instance. */
  report(agent: string): InstanceReport | undefined;
  /** Waits until the report of an agent's instance is as wanted. */
  untilReport(
    agent: string,
    what: string,
    fits: (report: InstanceReport) => boolean,
    withinMs?: number,
  ): Promise<InstanceReport>;
  untilState(
    agent: string,
    state: InstanceReport['state'],
    withinMs?: number,
  ): Promise<InstanceReport>;
  /** What the daemon printed. */
  output(): string;
  /** Ends daemon, agents and hub, and removes the directory. */
  stop(): Promise<void>;
}

/** Makes a rig; the daemon is not started yet. `vars` and more go to the node's config. */
export async function createWorkerRig(
  options: { readonly config?: Readonly<Record<string, unknown>> } = {},
): Promise<WorkerRig> {
  const dir = await mkdtemp(join(tmpdir(), 'rig-'));
  const nodeDir = (await openDataDir(join(dir, 'node'), { kind: 'worker-node' })).path;
  const keys = await loadOrMintKeys(nodeDir);
  const serverKeys = mintKeyPair();
  const name = NodeName.parse('pc2');
  const hellos: Peer[] = [];
  const heartbeats: NodeHeartbeat[] = [];
  let lastReport: NodeReport | undefined;
  let lastAssign: MessageOf<typeof NodeAssign> | undefined;
  let revision = 0;

  const hub = createHub(
    {
      transport: createZmqTransport(),
      clock: createSystemClock(),
      random: createSystemRandom(),
      logger: silent,
      metrics: createWireMetrics(createMetrics({ processMetrics: false })),
      events: {
        onHello(peer) {
          hellos.push(peer);
          if (peer.role === 'node') setImmediate(sendAssign);
          return {
            accept: true,
            welcome: { mesh: MeshId.parse(MESH), term: 1, calledDead: false },
          };
        },
        onClosed() {},
      },
    },
    {
      hosts: ['127.0.0.1'],
      port: 0,
      keys: serverKeys,
      admitted: new Map([[PublicKey.parse(keys.publicKey), name]]),
      term: 1,
    },
  );
  hub.onMessage(NodeReport, (_, body) => (lastReport = body));
  hub.onMessage(NodeHeartbeat, (_, body) => heartbeats.push(body));
  await hub.start(never);
  await writeFile(
    join(nodeDir, 'join.json'),
    JSON.stringify({ addresses: [`127.0.0.1:${hub.port}`], serverKey: serverKeys.publicKey }),
  );
  await writeFile(join(nodeDir, 'config.yaml'), stringify({ node: name, ...options.config }));
  await mkdir(join(dir, 'tmp'));

  let child: ChildProcess | undefined;
  let printed = '';

  function sendAssign(): void {
    if (lastAssign !== undefined) hub.sendLatest(name, NodeAssign, lastAssign);
  }

  function report(agent: string): InstanceReport | undefined {
    return lastReport?.instances.find((instance) => instance.agent === agent);
  }

  async function untilReport(
    agent: string,
    what: string,
    fits: (report: InstanceReport) => boolean,
    withinMs = 10_000,
  ): Promise<InstanceReport> {
    try {
      return await until(
        `${agent} ${what}`,
        () => {
          const found = report(agent);
          return found !== undefined && fits(found) ? found : undefined;
        },
        { withinMs },
      );
    } catch (cause) {
      const last = JSON.stringify(report(agent), undefined, 2);
      throw new Error(`${agent} not ${what}; last report: ${last}\n${printed.slice(-3000)}`, {
        cause,
      });
    }
  }

  async function kill(signal: NodeJS.Signals): Promise<number | null> {
    const ending = child;
    if (ending === undefined) return null;
    if (ending.exitCode !== null || ending.signalCode !== null) return ending.exitCode;
    const ended = new Promise<number | null>((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    return ended;
  }

  return {
    dir,
    hub,
    hellos,
    heartbeats,
    async start(env = {}) {
      // What an earlier daemon said is no evidence of what this one does.
      lastReport = undefined;
      const started = spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', entry, '--dir', nodeDir],
        {
          cwd: dir,
          env: { ...process.env, MESH_HTTP_PORT: '0', TMPDIR: join(dir, 'tmp'), ...env },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      child = started;
      for (const stream of [started.stdout, started.stderr]) {
        stream.setEncoding('utf8');
        stream.on('data', (text: string) => (printed += text));
      }
      await until(
        'the worker node is ready',
        () => {
          if (started.exitCode !== null) throw new Error(`it ended:\n${printed}`);
          return (
            readLock(nodeDir)?.process.pid === started.pid &&
            readLock(nodeDir)?.endpoints['http'] !== undefined
          );
        },
        { withinMs: 20_000 },
      );
      // A process that took the lock has a pid.
      return started.pid as number;
    },
    kill,
    assign(agents, under = {}) {
      revision = under.revision ?? revision + 1;
      lastAssign = NodeAssign.body.parse({
        mesh: under.mesh ?? MESH,
        term: under.term ?? 1,
        revision,
        node: name,
        instances: Object.entries(agents).map(([agent, { spec, ...more }]) => ({
          instance: `${agent}.0`,
          agent,
          fleet: 'rig',
          epoch: '1.1',
          nonce: 0,
          desired: 'run',
          ...more,
          spec: AgentSpec.parse(spec),
        })),
      });
      sendAssign();
    },
    report,
    untilReport,
    untilState: (agent, state, withinMs) =>
      untilReport(agent, `is ${state}`, (found) => found.state === state, withinMs),
    output: () => printed,
    async stop() {
      await kill('SIGKILL');
      await hub.stop(never);
      await endRuns(join(nodeDir, 'runs'));
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const MESH = 'a'.repeat(32);

async function endRuns(dir: string): Promise<void> {
  const runtime = createProcessRuntime(
    { dir },
    { clock: createSystemClock(), random: createSystemRandom(), logger: silent },
  );
  await runtime.start(never);
  const runs = await runtime.adopt();
  await Promise.all(runs.map((run) => run.end({ signal: 'SIGKILL', graceMs: 0 })));
  await runtime.stop(never);
}
