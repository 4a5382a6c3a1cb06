import { InstanceState, type Counter, type Gauge, type Metrics } from '@meshwork/shared';

/** What is counted of supervision. */
export interface SupervisionMetrics {
  /** Label `agent`. */
  readonly launches: Counter;
  /** Label `agent`. */
  readonly crashes: Counter;
  /** Label `event`. */
  readonly ignoredEvents: Counter;
  /** Label `verdict`. */
  readonly assignments: Counter;
  /** Label `state`. */
  readonly instances: Gauge;
}

/** Every state that an instance is reported in. */
export const instanceStates: readonly InstanceState[] = InstanceState.options;

/** Makes the metrics of supervision; once per daemon. */
export function createSupervisionMetrics(metrics: Metrics): SupervisionMetrics {
  return {
    launches: metrics.counter({
      name: 'mesh_worker_node_launches_total',
      help: 'Runs of instances that were started.',
      labels: ['agent'],
    }),
    crashes: metrics.counter({
      name: 'mesh_worker_node_crashes_total',
      help: 'Runs of instances that ended badly or could not be started.',
      labels: ['agent'],
    }),
    ignoredEvents: metrics.counter({
      name: 'mesh_worker_node_instance_events_ignored_total',
      help: 'Events that did not belong to the state of their instance.',
      labels: ['event'],
    }),
    assignments: metrics.counter({
      name: 'mesh_worker_node_assignments_total',
      help: 'Assignments received, by what became of them.',
      labels: ['verdict'],
    }),
    instances: metrics.gauge({
      name: 'mesh_worker_node_instances',
      help: 'Instances on this node.',
      labels: ['state'],
    }),
  };
}
