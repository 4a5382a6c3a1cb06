import {
  MeshError,
  type AgentRow,
  type Clock,
  type MeshStore,
  type NodeRow,
  type PublicKey,
  type StartPlan,
  type Status,
} from '@meshwork/shared';
import { getNode } from '../core/admission.ts';
import { createIndexReader, type DesiredIndex } from '../core/desired-index.ts';
import { startOf } from '../core/plan-fleet.ts';
import { toAgentRow, toNodeRow, toUnclaimedRow, type View } from '../core/status-rows.ts';
import { findInstances, parseTarget } from '../core/targets.ts';
import type { AgentOrders } from './agent-orders.ts';
import type { Assigner } from './assigner.ts';
import type { LiveNodes } from './live-nodes.ts';
import type { StateKeeper } from './state-keeper.ts';
import type { PendingKey } from './waiting-keys.ts';

/** Reads what people see; from memory only. */
export interface StatusReader {
  status(): Status;
  nodes(): readonly NodeRow[];
  /** Throws MESH_NODE_UNKNOWN. */
  node(name: string): NodeRow;
  /** All, or those a target names. Throws MESH_AGENT_UNKNOWN. */
  agents(filter: {
    readonly target?: string | undefined;
    readonly node?: string | undefined;
  }): readonly AgentRow[];
}

/** Rows of nodes and agents, each with the age of what is known. */
export function createStatusReader(deps: {
  readonly keeper: Pick<StateKeeper, 'state' | 'term'>;
  readonly live: Pick<LiveNodes, 'nodes'>;
  readonly assigner: Pick<Assigner, 'isCurrent'>;
  readonly orders: Pick<AgentOrders, 'unclaimed'>;
  readonly pending: () => readonly PendingKey[];
  readonly store: Pick<MeshStore, 'state'>;
  readonly losses: () => readonly string[];
  readonly clock: Clock;
  readonly startedAtMs: number;
  readonly release: string;
  readonly fingerprintOf: (key: PublicKey) => string;
}): StatusReader {
  const { keeper, live, clock } = deps;
  const readIndex = createIndexReader(() => keeper.state);
  let planned: { readonly index: DesiredIndex; readonly start: StartPlan } | undefined;

  /** Phases change only with the state, which is replaced by each change. */
  function view(): View {
    const index = readIndex();
    if (planned?.index !== index) planned = { index, start: startOf(undefined, index.state, []) };
    return { index, live: live.nodes, start: planned.start, nowMs: clock.monotonic() };
  }

  function nodes(): readonly NodeRow[] {
    const now = view();
    const known = [...now.index.state.nodes.values()]
      .filter(({ admission }) => admission !== 'removed')
      .map((record) =>
        toNodeRow(record, now, {
          fingerprint: deps.fingerprintOf(record.publicKey),
          isCurrent: deps.assigner.isCurrent(record.name),
        }),
      );
    const waiting = deps.pending().map(({ node, fingerprint, address }): NodeRow => ({
      name: node,
      state: 'unknown',
      admission: 'pending',
      fingerprint,
      ...(address === undefined ? {} : { address }),
      labels: {},
      cordoned: false,
      agents: { total: 0, ready: 0 },
      isCurrent: false,
    }));
    return [...known, ...waiting].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  function agents(filter: {
    readonly target?: string | undefined;
    readonly node?: string | undefined;
  }): readonly AgentRow[] {
    const now = view();
    const loose = deps.orders.unclaimed();
    const looseHere = new Set(loose.map(({ node, report }) => `${node}/${report.instance}`));
    const records = [...now.index.state.instances.values()];
    const claimed = records
      // What a node holds back is shown once, as what it is there.
      .filter((record) => !looseHere.has(`${record.node}/${record.instance}`))
      .map((record) => toAgentRow(record, now));
    const unclaimed = loose.map(({ node, report }) => toUnclaimedRow(node, report, now));
    const rows = [...claimed, ...unclaimed]
      .filter((row) => filter.node === undefined || row.node === filter.node)
      .toSorted(compareRows);
    if (filter.target === undefined) return rows;
    const isLoose = rows.filter(
      ({ name, instance, state }) =>
        state === 'unclaimed' && (name === filter.target || instance === filter.target),
    );
    if (isLoose.length > 0 && !records.some(({ agent }) => agent === filter.target)) return isLoose;
    const meant = new Set(
      findInstances(parseTarget(filter.target), now.index).map(({ instance }) => instance),
    );
    return rows.filter(({ instance }) => meant.has(instance));
  }

  return {
    nodes,
    agents,
    node(name) {
      const row = nodes().find((one) => one.name === name);
      if (row !== undefined) return row;
      getNode(keeper.state, name);
      throw new MeshError('MESH_NODE_UNKNOWN', `no node ${name} is in this mesh`);
    },
    status: () => ({
      mesh: {
        id: keeper.state.mesh,
        term: keeper.term,
        revision: keeper.state.revision,
        release: deps.release,
        store: {
          state: deps.store.state,
          durable: deps.losses().length === 0,
          losses: [...deps.losses()],
        },
        uptimeMs: clock.monotonic() - deps.startedAtMs,
      },
      nodes: [...nodes()],
      agents: [...agents({})],
    }),
  };
}

/** By node, then phase, then name: the order in which things start. */
function compareRows(a: AgentRow, b: AgentRow): number {
  if (a.node !== b.node) return (a.node ?? '') < (b.node ?? '') ? -1 : 1;
  if (a.phase !== b.phase) return (a.phase ?? Infinity) - (b.phase ?? Infinity);
  return a.instance < b.instance ? -1 : 1;
}
