import {
  AgentCall,
  AgentLogs,
  MeshError,
  NodeAssign,
  NodeCalledDead,
  NodeCheck,
  NodeMetrics,
  NodePeers,
  NodePing,
  NodeRemoved,
  UnclaimedAct,
  type HandlerTable,
  type Incarnation,
  type InstanceId,
  type Logger,
} from '@meshwork/shared';
import { claimedPart } from '../core/instance-state.ts';
import type { Instance } from './instance.ts';
import { readInstanceLogs, type InstanceLogsDeps } from './instance-logs.ts';
import { checkAgent, type NodeCheckDeps } from './node-check.ts';
import { pingInstance } from './ping-instance.ts';
import type { Caller, Prober } from './ports.ts';
import { readSpecs, type UnreadableInstance } from './read-spec.ts';
import type { Supervisor } from './supervisor.ts';

/** What the handlers need from outside. */
export interface NodeHandlersDeps {
  readonly logger: Logger;
  readonly supervisor: Supervisor;
  readonly instances: ReadonlyMap<InstanceId, Instance>;
  readonly prober: Prober;
  readonly caller: Caller;
  readonly check: NodeCheckDeps;
  readonly logs: InstanceLogsDeps;
  /** Aborts when the daemon ends: what waits for output is answered. */
  readonly stopping: AbortSignal;
  metricsText(): Promise<string>;
  /** Instances of the last assignment that this release cannot read. */
  onUnreadable(instances: readonly UnreadableInstance[]): void;
  onTerm(term: number): void;
  /** This incarnation was called dead. */
  onCalledDead(incarnation: Incarnation): void;
  /** This node is no longer in the mesh; its instances are being ended. */
  onRemoved(why: 'removed' | 'revoked'): void;
}

/** Time that a request gets which says nothing of it. */
const DEFAULT_TIMEOUT_MS = 5_000;
/** Kept of a request's time for the way back. */
const RESERVE_MS = 50;

/** Answers what the main node says and asks. Every handler is idempotent, or repeats the first answer by the request's id. */
export function addNodeHandlers(table: HandlerTable<void>, deps: NodeHandlersDeps): void {
  const { instances, supervisor } = deps;

  table.onMessage(NodeAssign, (_, body) => {
    const { claimed, unclaimed, leaving } = supervisor.desired;
    const { assign, unreadable } = readSpecs(body, [...claimed, ...unclaimed, ...leaving]);
    for (const { assigned, reason } of unreadable) {
      deps.logger.error({ instance: assigned.instance, reason }, 'instance cannot be obeyed');
    }
    void supervisor.assign(assign).then((verdict) => {
      if (verdict !== 'obeyed' && verdict !== 'same') return;
      deps.onUnreadable(unreadable);
      deps.onTerm(assign.term);
    });
  });

  table.onMessage(NodePeers, (_, body) => supervisor.setPeers(body));

  table.onMessage(NodeCalledDead, (_, body) => deps.onCalledDead(body.incarnation));

  table.onRequest(NodeCheck, async (_, { agents }) => ({
    results: await Promise.all(
      agents.map(async ({ agent, spec }) => ({
        agent,
        problems: [...(await checkAgent(agent, spec, deps.check))],
      })),
    ),
  }));

  table.onRequest(NodePing, async (_, { instances: ids }, received) => {
    const timeoutMs = Math.max(1, (received.remainingMs ?? DEFAULT_TIMEOUT_MS) - RESERVE_MS);
    return {
      instances: await Promise.all(
        ids.map((id) => pingInstance(id, instances.get(id), { timeoutMs, prober: deps.prober })),
      ),
    };
  });

  table.onRequest(AgentCall, async (_, ask, received) => {
    const instance = findCallable(ask.instance, ask.epoch, instances);
    const { action, args, caller } = ask;
    const { calls } = instance.assigned.spec;
    const timeoutMs = Math.max(1, (received.remainingMs ?? DEFAULT_TIMEOUT_MS) - RESERVE_MS);
    const { id, trace } = received;
    return deps.caller.call(
      { instance: instance.id, ports: instance.ports, calls },
      { action, args, ...(caller === undefined ? {} : { caller }) },
      { timeoutMs, id, ...(trace === undefined ? {} : { trace }) },
    );
  });

  table.onRequest(AgentLogs, (_, ask) => readInstanceLogs(ask, deps.stopping, deps.logs));

  table.onRequest(UnclaimedAct, async (_, { instance: id, act }) => {
    const { unclaimed, leaving } = supervisor.desired;
    const found = [...unclaimed, ...leaving].find(({ instance }) => instance === id);
    if (found === undefined) {
      throw new MeshError('MESH_AGENT_UNKNOWN', `${id} is not an unclaimed instance of this node`);
    }
    if (act === 'stop') await supervisor.stopUnclaimed(id);
    const { instance, agent, fleet, epoch, nonce, spec } = found;
    return { instance, agent, fleet, epoch, nonce, spec };
  });

  table.onRequest(NodeMetrics, async () => ({ text: await deps.metricsText() }));

  table.onRequest(NodeRemoved, async (_, { why }) => {
    const stopping = await supervisor.leave();
    deps.onRemoved(why);
    return { stopping };
  });
}

function findCallable(
  id: InstanceId,
  epoch: string | undefined,
  instances: ReadonlyMap<InstanceId, Instance>,
): Instance {
  const instance = instances.get(id);
  if (instance === undefined) {
    throw new MeshError('MESH_AGENT_UNKNOWN', `this node has no instance ${id}`);
  }
  const { status } = claimedPart(instance.state);
  if (status !== 'running' && status !== 'ready') {
    throw new MeshError('MESH_AGENT_NOT_READY', `${id} cannot be called: it is ${status}`);
  }
  if (epoch !== undefined && epoch !== instance.assigned.epoch) {
    const { epoch: present } = instance.assigned;
    throw new MeshError(
      'MESH_AGENT_NOT_READY',
      `${id} cannot be called as epoch ${epoch}: it is placed as ${present}`,
    );
  }
  return instance;
}
