import { join } from 'node:path';
import {
  createHttpServer,
  fingerprint,
  runComponents,
  showConfig,
  type LoadedConfig,
  type LockHolder,
  type MetricsRegistry,
} from '@meshwork/platform';
import {
  MainNodeConfig,
  type MeshError,
  PublicKey,
  type Clock,
  type Component,
  type KeyPair,
  type Logger,
  type Random,
} from '@meshwork/shared';
import { createControlPlane } from './app/control-plane.ts';
import { createHubSlot } from './app/hub-slot.ts';
import { readLocalKeys } from './app/local-keys.ts';
import { createOwnRecord } from './app/own-record.ts';
import { openStore } from './app/open-store.ts';
import { createIndexReader } from './core/desired-index.ts';
import { isUsable, sightOf, type LiveNode } from './core/live.ts';
import { mainNodeActor } from './core/new-event.ts';
import { noteConfig } from './core/note-config.ts';
import { createMainMetrics } from './metrics.ts';
import { apiRoutes } from './routes/api-routes.ts';
import { createAgentOrders } from './services/agent-orders.ts';
import { createAssigner } from './services/assigner.ts';
import { createCallRouter } from './services/call-router.ts';
import { createControl } from './services/control.ts';
import { createEventReader } from './services/event-reader.ts';
import { createEventRecorder } from './services/event-recorder.ts';
import { createFleets } from './services/fleets.ts';
import { createHealth } from './services/health.ts';
import { createLiveNodes } from './services/live-nodes.ts';
import { createLogReader } from './services/log-reader.ts';
import { createMissedWindow } from './services/missed-window.ts';
import { createNodeAdmissions } from './services/node-admissions.ts';
import { createNodeChecks } from './services/node-checks.ts';
import { createPinger } from './services/pinger.ts';
import { createStateFollowers } from './services/state-followers.ts';
import { createStateKeeper } from './services/state-keeper.ts';
import { createStatusReader } from './services/status-reader.ts';

/** What one main node works with. */
export interface MainNodeOptions {
  /** Data folder; the caller holds its lock. */
  readonly dir: string;
  readonly config: LoadedConfig<MainNodeConfig>;
  readonly keys: KeyPair;
  /** Bearer token of the HTTP API. */
  readonly token: string;
  readonly release: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  /** For finding and running redis-server. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a socket may lie whose path would be too long in `dir`. */
  readonly runtimeDir: string;
  /** This process must end; another one starts over from the store. */
  onFatal(error: MeshError): void;
  /** Somebody asked over HTTP. */
  onShutdown(options: { readonly drain: boolean }): void;
}

/** A main node. `stop` ends it and leaves Redis running; `end` ends Redis, too. */
export interface MainNode extends Component {
  /** Where it is reached, once started. */
  endpoints(): LockHolder['endpoints'];
  /** Takes over the keys that `mesh up` left for this machine's own nodes. */
  acceptLocal(): Promise<void>;
  end(signal: AbortSignal): Promise<void>;
}

/** Puts a main node together; opens nothing. */
export function createMainNode(options: MainNodeOptions): MainNode {
  const { dir, clock, random, logger, metrics, release, keys } = options;
  const config = options.config.value;
  const serverKey = PublicKey.parse(keys.publicKey);
  const startedAtMs = clock.monotonic();
  const opened = openStore(options);
  const { store } = opened;
  const slot = createHubSlot();
  const missed = createMissedWindow(clock);

  const keeper = createStateKeeper({
    store,
    ownRecord: createOwnRecord(join(dir, 'mesh.json')),
    clock,
    random,
    logger,
    release,
    refusal: opened.refusal,
    onFatal: options.onFatal,
  });
  const mainMetrics = createMainMetrics(metrics, {
    term: () => keeper.term,
    revision: () => keeper.state.revision,
    nodes: () => live.nodes.size,
    nodesAlive: () => [...live.nodes.values()].filter(isAlive).length,
    instances: () => keeper.state.instances.size,
    instancesReady: () =>
      [...keeper.state.instances.values()].filter(({ node, instance }) =>
        isUsable(sightOf(live.nodes.get(node), instance, clock.monotonic())),
      ).length,
    isStoreUp: () => store.state === 'up',
  });
  const lost = mainMetrics.eventsLost;
  const term = (): number => keeper.term;
  const recorder = createEventRecorder({ store, term, clock, random, logger, lost });
  const state = () => keeper.state;
  const index = createIndexReader(state);
  const control = createControl({
    keeper,
    live: () => live,
    assigner: () => assigner,
    calls: () => calls,
    orders: () => orders,
    hub: slot,
    recorder,
    metrics: mainMetrics,
    logger,
    onMissed: missed.add,
  });
  const live = createLiveNodes({
    clock,
    logger,
    policy: config.detection,
    events: control.liveEvents,
  });
  const assigner = createAssigner({
    hub: slot,
    keeper,
    live,
    clock,
    logger,
    sent: mainMetrics.assignments,
  });
  const calls = createCallRouter({ hub: slot, index, live, clock, seconds: mainMetrics.calls });
  const pinger = createPinger({ hub: slot, index, clock });
  const orders = createAgentOrders({ keeper, live, hub: slot, clock, logger });
  const fleets = createFleets({
    keeper,
    nodeChecks: createNodeChecks({ hub: slot, live, logger }),
    orders,
  });
  const logs = createLogReader({
    hub: slot,
    index,
    sleep: clock.sleep,
    findUnclaimed: (target) =>
      orders
        .unclaimed()
        .filter(({ report }) => report.agent === target || report.instance === target)
        .map(({ node, report }) => ({ node, instance: report.instance })),
  });
  const plane = createControlPlane({
    ...options,
    slot,
    state,
    term,
    hubEvents: control.hubEvents,
    attach: control.attach,
    knock: (knock) => admissions.knock(knock),
    admitted: () => admissions.admitted(),
  });
  const admissions = createNodeAdmissions({
    keeper,
    hub: slot,
    door: plane.door,
    recorder,
    clock,
    random,
    logger,
    serverKey,
    fingerprintOf: fingerprint,
    maxPending: config.enrolment.maxPending,
  });
  const reader = createStatusReader({
    keeper,
    live,
    assigner,
    orders,
    pending: admissions.pending,
    store,
    losses: () => opened.losses,
    clock,
    startedAtMs,
    release,
    fingerprintOf: fingerprint,
  });
  const health = createHealth({
    store,
    losses: () => opened.losses,
    isTermHeld: () => keeper.isTermHeld,
    diskRefusal: opened.refusal,
    controlPort: () => slot.port,
    live,
    state,
    lastMissedMs: missed.sum,
    clock,
  });
  const acceptLocal = async (): Promise<readonly string[]> =>
    admissions.acceptLocal(await readLocalKeys(join(dir, 'accept'), logger), mainNodeActor);
  const http = createHttpServer({
    daemon: 'main',
    host: config.http.host,
    port: config.http.port,
    portWasSet: options.config.isSet('http.port'),
    dataDir: dir,
    token: options.token,
    clock,
    logger,
    metrics,
    routes: apiRoutes({
      state: keeper,
      reader,
      calls,
      pinger,
      admissions,
      acceptLocal,
      orders,
      logs,
      fleets,
      health,
      metrics,
      hub: slot,
      events: createEventReader(store),
      showConfig: () => showConfig(MainNodeConfig, options.config),
      shutdown: options.onShutdown,
    }),
  });

  const followers = createStateFollowers({
    keeper,
    live,
    assigner,
    hub: slot,
    store,
    recorder,
    async before() {
      const rows = showConfig(MainNodeConfig, options.config);
      const values = Object.fromEntries(rows.map(({ path, value }) => [path, value]));
      await keeper.change(mainNodeActor, (now) => ({
        ...noteConfig(now, values),
        result: undefined,
      }));
      await acceptLocal();
    },
  });
  const parts = runComponents(
    [keeper, recorder, followers, plane.controlPort, admissions, live, assigner, http],
    { name: 'main node', clock, logger },
  );
  return {
    name: 'main node',
    async start(signal) {
      await opened.start(signal);
      try {
        await parts.start(signal);
      } catch (error) {
        await opened.stop(AbortSignal.abort());
        throw error;
      }
    },
    async stop(signal) {
      await parts.stop(signal);
      await opened.stop(signal);
    },
    async end(signal) {
      await parts.stop(signal);
      await opened.end(signal);
    },
    acceptLocal: async () => void (await acceptLocal()),
    endpoints: () => ({
      http: http.address(),
      control: {
        host: config.control.host,
        port: slot.port ?? 0,
        publicKey: serverKey,
      },
    }),
  };
}

function isAlive({ member }: LiveNode): boolean {
  return member.status === 'alive';
}
