import {
  NodePing,
  type Clock,
  type Hub,
  type InstanceId,
  type NodeName,
  type PingRequest,
  type PingRow,
} from '@meshwork/shared';
import type { DesiredIndex } from '../core/desired-index.ts';
import type { InstanceRecord } from '../core/mesh-state.ts';
import { findInstances, parseTarget } from '../core/targets.ts';

/** Instances asked about in one request. */
const perRequest = 1_000;

/** Asks nodes and instances whether they answer now. */
export interface Pinger {
  /** A row per node, then per instance. Throws MESH_AGENT_UNKNOWN for a target that is neither. */
  ping(
    ask: PingRequest & { readonly signal?: AbortSignal | undefined },
  ): Promise<readonly PingRow[]>;
}

/** Pings by request: a node's row says that its loop turned, an instance's that its probe was answered. */
export function createPinger(deps: {
  readonly hub: Pick<Hub, 'request'>;
  readonly index: () => DesiredIndex;
  readonly clock: Clock;
}): Pinger {
  const { hub, clock } = deps;

  function pick(ask: PingRequest): {
    readonly nodes: readonly NodeName[];
    readonly records: readonly InstanceRecord[];
  } {
    const index = deps.index();
    const { state } = index;
    const nodes = [...state.nodes.values()]
      .filter(({ admission }) => admission === 'accepted')
      .map(({ name }) => name);
    if (ask.target === undefined)
      return { nodes, records: ask.all ? [...state.instances.values()] : [] };
    const node = nodes.find((name) => name === ask.target);
    if (node !== undefined) return { nodes: [node], records: [] };
    return { nodes: [], records: findInstances(parseTarget(ask.target), index) };
  }

  async function pingNode(
    node: NodeName,
    instances: readonly InstanceId[],
    ask: PingRequest & { readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly row: PingRow; readonly instances: ReadonlyMap<InstanceId, PingRow> }> {
    const startedAtMs = clock.monotonic();
    const outcome = await hub.request(
      node,
      NodePing,
      { instances: [...instances] },
      {
        timeoutMs: ask.timeoutMs,
        ...(ask.signal === undefined ? {} : { signal: ask.signal }),
      },
    );
    const durationMs = clock.monotonic() - startedAtMs;
    if (outcome.status !== 'answered') {
      const detail = outcome.error.message;
      return {
        row: { kind: 'node', name: node, ok: false, detail },
        instances: new Map(
          instances.map((name) => [name, { kind: 'agent', name, node, ok: false, detail }]),
        ),
      };
    }
    return {
      row: { kind: 'node', name: node, ok: true, durationMs },
      instances: new Map(
        outcome.answer.instances.map((answer) => [
          answer.instance,
          {
            kind: 'agent',
            name: answer.instance,
            node,
            ok: answer.ok,
            durationMs: answer.durationMs,
            ...(answer.detail === undefined ? {} : { detail: answer.detail }),
          },
        ]),
      ),
    };
  }

  return {
    async ping(ask) {
      const { nodes, records } = pick(ask);
      const byNode = Map.groupBy(records, ({ node }) => node);
      const nodeRows = await Promise.all(
        nodes.map((node) => pingNode(node, [], ask).then(({ row }) => row)),
      );
      const answers = await Promise.all(
        [...byNode].flatMap(([node, placed]) =>
          chunk(placed.map(({ instance }) => instance)).map((ids) => pingNode(node, ids, ask)),
        ),
      );
      const answered = new Map(answers.flatMap(({ instances }) => [...instances]));
      const agentRows = records.map(
        ({ instance, node }): PingRow =>
          answered.get(instance) ?? {
            kind: 'agent',
            name: instance,
            node,
            ok: false,
            detail: 'its node does not know it yet',
          },
      );
      return [...nodeRows, ...agentRows.toSorted((a, b) => (a.name < b.name ? -1 : 1))];
    },
  };
}

function chunk(ids: readonly InstanceId[]): readonly (readonly InstanceId[])[] {
  const parts: InstanceId[][] = [];
  for (let at = 0; at < ids.length; at += perRequest) parts.push(ids.slice(at, at + perRequest));
  return parts;
}
