/*
 * Invariant: a node is sent what it should be only after it has reported what it obeys. Where that is more than the records know,
 * it is sent under revision 0, by which nothing is stopped for being absent.
 */
import {
  NodeAssign,
  NodePeers,
  type AssignedInstance,
  type Clock,
  type Component,
  type Counter,
  type Hub,
  type Logger,
  type NodeName,
  type Revision,
  type Term,
} from '@meshwork/shared';
import { instancesFor, isSameAssignment } from '../core/assignments.ts';
import { createIndexReader } from '../core/desired-index.ts';
import { sightOf, type LiveNode } from '../core/live.ts';
import { peersFor } from '../core/peers.ts';
import { standingOf } from '../core/reigns.ts';
import type { LiveNodes } from './live-nodes.ts';
import type { StateKeeper } from './state-keeper.ts';

/** Changes of one moment go out together after this long, ms. */
const gatherMs = 10;
/** What a node has not reported as taken over by then is sent again, ms; a broken connection is noticed before that. */
const repeatAfterMs = 10_000;
const tickMs = 500;

interface Pushed {
  readonly term: Term;
  readonly revision: Revision;
  readonly instances: readonly AssignedInstance[];
  readonly atMs: number;
}

/** Sends each node its assignment and what its agents depend on elsewhere. */
export interface Assigner extends Component {
  /** Something that assignments or peers are made of changed. */
  touch(): void;
  /** The node has a new connection: it is sent everything again once it reports. */
  forget(name: NodeName): void;
  /** Whether the node works towards the newest assignment. */
  isCurrent(name: NodeName): boolean;
}

/** Level-triggered: looks at what is and what was sent, as often as it is touched and twice a second. */
export function createAssigner(deps: {
  readonly hub: Pick<Hub, 'sendLatest' | 'isBound'>;
  readonly keeper: Pick<StateKeeper, 'state' | 'term' | 'bumpRevision' | 'raiseTerm'>;
  readonly live: Pick<LiveNodes, 'nodes'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Labels: node. */
  readonly sent: Counter;
}): Assigner {
  const { hub, keeper, live, clock, logger } = deps;
  const pushed = new Map<NodeName, Pushed>();
  const peers = new Map<NodeName, string>();
  const readIndex = createIndexReader(() => keeper.state);
  const stopping = new AbortController();
  let gathering: Promise<void> | undefined;
  let advancing: Promise<void> | undefined;
  let ticking: Promise<void> = Promise.resolve();

  function assign(node: LiveNode): void {
    const { name, report } = node;
    if (report === undefined || !hub.isBound(name, 'node')) return;
    const { state, term } = keeper;
    const standing = standingOf(report, state);
    const isTwice = report.term === term && standing === 'ahead';
    if (report.term > term || isTwice) return advance(() => keeper.raiseTerm(report.term));
    const index = readIndex();
    const instances = instancesFor(index, name, report.mesh === state.mesh ? report : undefined);
    const last = pushed.get(name);
    const isSame =
      last !== undefined && last.term === term && isSameAssignment(last.instances, instances);
    const isObeyed = last?.term === report.term && last.revision === report.revision;
    const nowMs = clock.monotonic();
    if (standing === 'ahead') {
      if (last !== undefined && isSame && nowMs - last.atMs < repeatAfterMs) return;
      logger.warn(
        { node: name, term: report.term, revision: report.revision },
        'node obeyed what the records do not know; it keeps running that',
      );
      return push(name, instances, 0);
    }
    if (isSame && last.revision > 0) {
      if (!isObeyed && nowMs - last.atMs >= repeatAfterMs) push(name, instances, last.revision);
      return;
    }
    // The same revision with another content would be taken for a repeat.
    if (last?.term === term && last.revision === state.revision)
      return advance(() => keeper.bumpRevision());
    push(name, instances, state.revision);
  }

  function push(name: NodeName, instances: readonly AssignedInstance[], revision: Revision): void {
    const { mesh } = keeper.state;
    const { term } = keeper;
    const body = { mesh, term, revision, node: name, instances: [...instances] };
    const outcome = hub.sendLatest(name, NodeAssign, body);
    if (outcome !== 'queued') {
      logger.warn({ node: name, outcome }, 'assignment could not be sent; it is tried again');
      return;
    }
    pushed.set(name, { term, revision, instances, atMs: clock.monotonic() });
    deps.sent.inc({ node: name });
    logger.info({ node: name, term, revision, instances: instances.length }, 'assignment sent');
  }

  function tellPeers(node: LiveNode): void {
    const { name } = node;
    if (!pushed.has(name) || !hub.isBound(name, 'node')) return;
    const nowMs = clock.monotonic();
    let isUnheard = false;
    const message = peersFor(name, readIndex(), (record) => {
      const other = live.nodes.get(record.node);
      const sight = sightOf(other, record.instance, nowMs);
      isUnheard ||= other !== undefined && isStillToReport(other);
      return {
        // Also where its daemon is away for a moment: agents outlive it.
        isReady: sight.state === 'ready',
        host: other?.facts?.address,
        ports: sight.report?.ports ?? {},
      };
    });
    // After our own start: what the node was told before holds until the others have reported, or are dead.
    if (isUnheard) return;
    const text = JSON.stringify(message);
    if ((peers.get(name) ?? '{"agents":[]}') === text) return;
    if (hub.sendLatest(name, NodePeers, message) === 'queued') peers.set(name, text);
  }

  function sweep(): void {
    for (const node of live.nodes.values()) assign(node);
    for (const node of live.nodes.values()) tellPeers(node);
  }

  /** One at a time; what is refused is tried again with the next tick. */
  function advance(change: () => Promise<void>): void {
    advancing ??= change()
      .catch((error: unknown) => logger.warn({ err: error }, 'desired state not advanced'))
      .finally(() => (advancing = undefined));
  }

  async function tick(): Promise<void> {
    for await (const _ of clock.ticks(tickMs, stopping.signal)) sweep();
  }

  return {
    name: 'assigner',
    touch() {
      gathering ??= clock
        .sleep(gatherMs, stopping.signal)
        .then(sweep)
        .catch((error: unknown) => {
          if (!stopping.signal.aborted) logger.error({ err: error }, 'assigning failed');
        })
        .finally(() => (gathering = undefined));
    },
    forget(name) {
      pushed.delete(name);
      peers.delete(name);
    },
    isCurrent(name) {
      const report = live.nodes.get(name)?.report;
      const last = pushed.get(name);
      if (report === undefined || last === undefined) return false;
      const isObeyed = report.term === last.term && report.revision === last.revision;
      return isObeyed && last.revision > 0 && last.term === keeper.term;
    },
    async start() {
      ticking = tick().catch((error: unknown) => {
        logger.error({ err: error }, 'assigner ended');
      });
    },
    async stop() {
      stopping.abort(new Error('the assigner is stopping'));
      await Promise.all([ticking, gathering, advancing]);
    },
  };
}

/** Nothing is known yet of what runs there, and it will be soon. */
function isStillToReport({ member, instances }: LiveNode): boolean {
  const isGone = member.status === 'dead' || member.status === 'left';
  return !isGone && instances === undefined;
}
