import {
  AgentName,
  MeshError,
  UnclaimedAct,
  type ActResult,
  type Actor,
  type AgentAct,
  type Clock,
  type FleetName,
  type Hub,
  type InstanceReport,
  type Logger,
  type NodeName,
} from '@meshwork/shared';
import { adoptInstance, settleAdoptions, type UnclaimedInstance } from '../core/adopt-instance.ts';
import { isHeld } from '../core/assignments.ts';
import { sightOf, type LiveNode } from '../core/live.ts';
import type { MeshState } from '../core/mesh-state.ts';
import { mainNodeActor } from '../core/new-event.ts';
import { orderAgent } from '../core/order-agent.ts';
import type { LiveNodes } from './live-nodes.ts';
import { unwrapOutcome } from './outcome.ts';
import type { StateKeeper } from './state-keeper.ts';

const requestMs = 10_000;

/** An instance that runs on a node although the records do not ask for it. */
export interface FoundUnclaimed {
  readonly node: NodeName;
  readonly report: InstanceReport;
}

/** Durable orders for agents, and what a person decides about unclaimed instances. */
export interface AgentOrders {
  act(name: string, act: AgentAct, actor: Actor): Promise<ActResult>;
  unclaimed(): readonly FoundUnclaimed[];
  /** What runs unclaimed under a fleet's name, as the nodes describe it; what cannot be asked now is left out. */
  describeUnclaimed(fleet: FleetName): Promise<readonly UnclaimedInstance[]>;
  /** Notes what a node has claimed of what was adopted. Called with each of its reports. */
  onReport(node: LiveNode): void;
}

/** Orders change the desired state; only what a node holds unclaimed is asked of it directly. */
export function createAgentOrders(deps: {
  readonly keeper: Pick<StateKeeper, 'state' | 'change'>;
  readonly live: Pick<LiveNodes, 'nodes'>;
  readonly hub: Pick<Hub, 'request'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): AgentOrders {
  const { keeper, live, hub, clock } = deps;

  function unclaimed(): readonly FoundUnclaimed[] {
    return [...live.nodes.values()].flatMap(({ name, report }) =>
      (report?.instances ?? [])
        .filter((one) => {
          if (one.state !== 'unclaimed') return false;
          const record = keeper.state.instances.get(one.instance);
          return record === undefined || record.node !== name || isHeld(record, one);
        })
        .map((one) => ({ node: name, report: one })),
    );
  }

  const meant = (name: string, act: AgentAct): readonly FoundUnclaimed[] =>
    unclaimed().filter(
      ({ report }) =>
        report.agent === name && (act.instance === undefined || report.instance === act.instance),
    );

  async function adopt(name: string, act: AgentAct, actor: Actor): Promise<ActResult> {
    const found = meant(name, act);
    if (found.length === 0) {
      throw new MeshError(
        'MESH_AGENT_UNKNOWN',
        `cannot adopt ${act.instance ?? name}: no node runs an unclaimed instance of that name`,
        { details: { agent: name } },
      );
    }
    const described = await Promise.all(found.map(describe));
    await keeper.change(actor, (state) => {
      let next: MeshState = state;
      const events = described.flatMap((one) => {
        const step = adoptInstance(next, one);
        next = step.state;
        return step.events;
      });
      return { state: next, events, result: undefined };
    });
    return toResult(
      'adopted',
      described.map(({ instance }) => instance),
    );
  }

  async function describe({ node, report }: FoundUnclaimed): Promise<UnclaimedInstance> {
    const ask = { instance: report.instance, act: 'describe' } as const;
    const outcome = await hub.request(node, UnclaimedAct, ask, { timeoutMs: requestMs });
    const { instance, agent, fleet, epoch, nonce, spec } = unwrapOutcome(outcome);
    return { instance, agent, fleet, epoch, nonce, spec, node };
  }

  async function stopUnclaimed(found: readonly FoundUnclaimed[]): Promise<readonly string[]> {
    return Promise.all(
      found.map(async ({ node, report }) => {
        const ask = { instance: report.instance, act: 'stop' } as const;
        unwrapOutcome(await hub.request(node, UnclaimedAct, ask, { timeoutMs: requestMs }));
        return report.instance;
      }),
    );
  }

  function toResult(verb: string, affected: readonly string[]): ActResult {
    const what =
      affected.length === 0 ? 'nothing to change' : `${verb} ${affected.toSorted().join(', ')}`;
    return { revision: keeper.state.revision, message: what, affected: [...affected] };
  }

  return {
    unclaimed,
    async describeUnclaimed(fleet) {
      const found = unclaimed().filter(({ report }) => report.fleet === fleet);
      const described = await Promise.allSettled(found.map(describe));
      return described.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    },
    onReport({ name, instances }) {
      const settle = (state: MeshState): MeshState =>
        settleAdoptions(state, name, instances ?? new Map());
      if (settle(keeper.state) === keeper.state) return;
      // Not noted, it is noted with the next report.
      keeper
        .change(mainNodeActor, (state) => ({ state: settle(state), events: [], result: undefined }))
        .catch((error: unknown) => deps.logger.warn({ err: error }, 'adoption not noted yet'));
    },
    async act(name, order, actor) {
      const { act, instance } = order;
      if (act === 'adopt') return adopt(name, order, actor);
      const agent = AgentName.safeParse(name);
      if (!agent.success) throw new MeshError('MESH_AGENT_UNKNOWN', `"${name}" names no agent`);
      const loose = act === 'stop' ? meant(name, order) : [];
      const isKnown = [...keeper.state.instances.values()].some((record) => record.agent === name);
      let affected: readonly string[] = [];
      if (isKnown || loose.length === 0) {
        affected = await keeper.change(actor, (state) => {
          const next = orderAgent(state, { act, agent: agent.data, instance }, (id) => {
            const record = state.instances.get(id);
            return record && sightOf(live.nodes.get(record.node), id, clock.monotonic()).state;
          });
          return { ...next, result: next.affected };
        });
      }
      const stopped = await stopUnclaimed(loose);
      const verbs = { start: 'starting', stop: 'stopping', restart: 'restarting' } as const;
      return toResult(verbs[act], [...new Set([...affected, ...stopped])]);
    },
  };
}
