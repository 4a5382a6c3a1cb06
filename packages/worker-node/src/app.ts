import {
  createDiskReserve,
  createHttpServer,
  createUplink,
  createWireMetrics,
  createZmqTransport,
  followLog,
  readLog,
  runComponents,
} from '@meshwork/platform';
import {
  NodeLeft,
  NodeReport,
  type Component,
  type InstanceId,
  type KeyPair,
  type NodeFacts,
} from '@meshwork/shared';
import { createAgentSide, type AgentSideOptions } from './app/agent-side.ts';
import { openNodeFiles } from './app/open-files.ts';
import { createAgentCallRoute } from './calls/route-agent-call.ts';
import { isAlive } from './core/instance-state.ts';
import { createHeartbeatThread } from './heartbeat/create-heartbeat-thread.ts';
import { findDialAddress, parseHostPort } from './machine/dial-address.ts';
import { readMachineFacts } from './machine/node-facts.ts';
import { createHttpRoutes } from './services/http-routes.ts';
import { createJoinFollower, readJoin } from './services/join.ts';
import { addNodeHandlers } from './services/node-handlers.ts';
import { pickReadyInstance } from './services/pick-ready.ts';

/** What one worker node works with. */
export interface WorkerNodeOptions extends AgentSideOptions {
  readonly keys: KeyPair;
  readonly release: string;
  /** The main node took this node out of the mesh: it should drain and end. */
  onRemoved(why: 'removed' | 'revoked'): void;
}

/** A worker node. `stop` ends the daemon and leaves its agents running; `drain` first ends them. */
export interface WorkerNode extends Component {
  /** Where its own health and metrics are served, once started. */
  http(): { readonly host: string; readonly port: number };
  /** Ends every agent, dependants first; resolves when nothing of them is left. */
  drain(): Promise<void>;
}

/** How a node says goodbye; the main node would find out by itself. */
const GOODBYE_MS = 100;

/** Puts a worker node together from its data folder. Opens files, starts nothing. */
export async function openWorkerNode(options: WorkerNodeOptions): Promise<WorkerNode> {
  const { clock, random, logger, metrics, node, dir, bootId } = options;
  const config = options.config.value;
  const { vars } = config;
  const maxAgeMs = config.agents.assignmentMaxAge;
  const files = await openNodeFiles(dir, { maxAgeMs, clock, logger });
  const join = await readJoin(files.join);
  const machineFacts = readMachineFacts(options.inherited['PATH'] ?? '');
  const stopping = new AbortController();
  let addresses = join.addresses;
  let dialAddress = '127.0.0.1';
  let isDraining = false;
  let isRising = false;
  let whyLeft: 'stopped' | 'removed' = 'stopped';

  const agentSide = createAgentSide({
    ...options,
    files,
    route: (ask, way) => route(ask, way),
    sendReport: (report) => uplink.sendLatest(NodeReport, report),
    onDigest(instancesDigest) {
      heartbeat.update({ incarnation: files.state.incarnation, instancesDigest });
    },
  });
  const { supervision, runtime, machine, prober, caller } = agentSide;
  const { supervisor, reporter, instances } = supervision;

  const uplink = createUplink(
    {
      transport: createZmqTransport(),
      clock,
      random,
      logger,
      metrics: createWireMetrics(metrics),
      events: {
        onWelcome(welcome) {
          supervisor.setAlone(false);
          if (welcome.calledDead) rise();
          const [first] = welcome.addresses ?? [];
          if (first !== undefined) moveTo(welcome.addresses ?? []);
          reporter.reportNow();
        },
        onRefused: ({ code, message }) =>
          logger.warn({ code, reason: message }, 'the main node refused this node'),
        onLost() {
          supervisor.setAlone(true);
          void findOwnAddress();
        },
      },
    },
    {
      addresses,
      keys: options.keys,
      serverKey: join.serverKey,
      node,
      role: 'node',
      incarnation: files.state.incarnation,
      release: options.release,
      about,
    },
  );
  const heartbeat = createHeartbeatThread(
    { clock, logger, metrics },
    {
      entry: new URL('./heartbeat/heartbeat-worker.ts', import.meta.url),
      connection: {
        node,
        addresses,
        serverKey: join.serverKey,
        keys: options.keys,
        release: options.release,
        about: about(),
      },
      content: { incarnation: files.state.incarnation, instancesDigest: '' },
    },
  );
  const route = createAgentCallRoute({
    node,
    random,
    caller,
    uplink,
    findReady: (agent) => pickReadyInstance(agent, instances, caller.inFlight),
  });

  function about(): NodeFacts {
    const { mesh, revision, highestTerm } = supervisor.desired;
    const facts = {
      ...machineFacts,
      address: config.address ?? dialAddress,
      labels: config.labels,
      bootId,
      highestTerm: Math.max(highestTerm, files.state.highestTerm),
      revision,
    };
    return mesh === undefined ? facts : { ...facts, mesh };
  }

  function moveTo(next: readonly string[]): void {
    addresses = [...new Set([...next, ...addresses])];
    uplink.setAddresses(addresses);
    heartbeat.setAddresses(addresses);
  }

  async function findOwnAddress(): Promise<void> {
    const main = addresses.map(parseHostPort).find((address) => address !== undefined);
    if (main !== undefined) dialAddress = await findDialAddress(main.host);
  }

  /** This incarnation was called dead: the next one comes back. Told several times of one death, it rises once. */
  function rise(atLeast = 0): void {
    if (isRising) return;
    isRising = true;
    const raised = files.state.raise(atLeast).finally(() => (isRising = false));
    raised.then(
      (incarnation) => {
        logger.warn({ incarnation }, 'this node was called dead and comes back');
        uplink.renew(incarnation);
        reporter.reportNow();
      },
      (err: unknown) => logger.error({ err }, 'incarnation was not raised'),
    );
  }

  addNodeHandlers(uplink, {
    logger,
    supervisor,
    instances,
    prober,
    caller,
    check: { runtime, machine, instances, node, vars },
    logs: {
      clock,
      knows: (instance) => instances.has(instance),
      read: (instance, from) =>
        readLog(files.logs(instance), { ...from, isFinal: !isLive(instance) }),
      async untilMore(instance, cursor, signal) {
        for await (const _ of followLog(files.logs(instance), { clock, cursor, signal })) return;
      },
    },
    stopping: stopping.signal,
    metricsText: () => metrics.expose(),
    onUnreadable: supervision.setUnreadable,
    onTerm: (term) => {
      files.state.sawTerm(term).catch((err: unknown) => {
        logger.error({ term, err }, 'term was not written to disk');
      });
    },
    onCalledDead(incarnation) {
      if (incarnation >= files.state.incarnation) rise(incarnation);
    },
    onRemoved(why) {
      whyLeft = 'removed';
      options.onRemoved(why);
    },
  });

  function isLive(instance: InstanceId): boolean {
    const found = instances.get(instance);
    return found !== undefined && isAlive(found.state);
  }

  const disk = createDiskReserve(dir, { clock, logger });
  const isBound = (): boolean => uplink.isBound;
  const http = createHttpServer({
    daemon: 'worker',
    host: config.http.host,
    port: config.http.port,
    portWasSet: options.config.isSet('http.port'),
    dataDir: dir,
    routes: createHttpRoutes({
      clock,
      supervisor,
      isBound,
      isDraining: () => isDraining,
      isDiskFull: () => disk.isFull,
      metricsText: () => metrics.expose(),
    }),
    // Every route is public: it listens on loopback and changes nothing.
    token: Buffer.from(random.bytes(32)).toString('hex'),
    clock,
    logger,
    metrics,
  });
  const goodbye: Component = {
    name: 'goodbye',
    async start() {},
    async stop(signal) {
      if (!uplink.isBound) return;
      uplink.send(NodeLeft, { why: whyLeft });
      await clock.sleep(GOODBYE_MS, signal).catch(() => {});
    },
  };
  const follower = createJoinFollower(
    { clock, logger, path: files.join, isBound, onAddresses: moveTo },
    join,
  );
  const all = runComponents(
    [disk, heartbeat, ...agentSide.components, http, uplink, follower, goodbye],
    {
      name: 'worker-node',
      clock,
      logger,
    },
  );

  return {
    name: 'worker-node',
    async start(signal) {
      await findOwnAddress();
      await all.start(signal);
    },
    async stop(signal) {
      stopping.abort();
      await all.stop(signal);
      files.records.close();
    },
    http: () => http.address(),
    drain() {
      isDraining = true;
      return supervisor.drain();
    },
  };
}
