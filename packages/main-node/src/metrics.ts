import type { Counter, Gauge, Histogram, Metrics } from '@meshwork/shared';

/** Every metric of the main node that is its own; those of store, wire and HTTP are made beside them. */
export interface MainMetrics {
  readonly eventsLost: Counter;
  readonly missedSeconds: Counter;
  readonly transitions: Counter;
  readonly assignments: Counter;
  readonly calls: Histogram;
  readonly heartbeatLag: Gauge;
}

/** Makes them; once per process. `collect` is asked at each scrape. */
export function createMainMetrics(
  metrics: Metrics,
  collect: {
    readonly term: () => number;
    readonly revision: () => number;
    readonly nodesAlive: () => number;
    readonly nodes: () => number;
    readonly instances: () => number;
    readonly instancesReady: () => number;
    readonly isStoreUp: () => boolean;
  },
): MainMetrics {
  metrics.gauge({
    name: 'mesh_main_term',
    help: 'Term of this reign.',
    collect: collect.term,
  });
  metrics.gauge({
    name: 'mesh_main_revision',
    help: 'Revision of the desired state.',
    collect: collect.revision,
  });
  metrics.gauge({
    name: 'mesh_main_nodes',
    help: 'Accepted nodes.',
    collect: collect.nodes,
  });
  metrics.gauge({
    name: 'mesh_main_nodes_alive',
    help: 'Accepted nodes that are alive.',
    collect: collect.nodesAlive,
  });
  metrics.gauge({
    name: 'mesh_main_instances',
    help: 'Instances that are desired.',
    collect: collect.instances,
  });
  metrics.gauge({
    name: 'mesh_main_instances_ready',
    help: 'Desired instances that are ready, by a report that is not stale.',
    collect: collect.instancesReady,
  });
  metrics.gauge({
    name: 'mesh_main_store_up',
    help: '1 while Redis answers, else 0.',
    collect: () => (collect.isStoreUp() ? 1 : 0),
  });
  return {
    eventsLost: metrics.counter({
      name: 'mesh_main_events_lost_total',
      help: 'Observed changes that were dropped because too many waited for the store.',
    }),
    missedSeconds: metrics.counter({
      name: 'mesh_main_unobserved_seconds_total',
      help: 'Time in which this process could not watch its nodes; it counts as no silence.',
    }),
    transitions: metrics.counter({
      name: 'mesh_main_node_transitions_total',
      help: 'Changes of node states.',
      labels: ['node', 'state'],
    }),
    assignments: metrics.counter({
      name: 'mesh_main_assignments_sent_total',
      help: 'Assignments sent, repeats included.',
      labels: ['node'],
    }),
    calls: metrics.histogram({
      name: 'mesh_main_call_seconds',
      help: 'Time from a call to its end, by how it ended.',
      labels: ['status'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    }),
    heartbeatLag: metrics.gauge({
      name: 'mesh_main_node_loop_lag_seconds',
      help: 'Lag of a node’s event loop as its last heartbeat told.',
      labels: ['node'],
    }),
  };
}
