import type { InstanceId, NodePeers } from '@meshwork/shared';
import { claimedPart, isAlive } from '../core/instance-state.ts';
import type { OrderedInstance, OrderView } from '../core/start-order.ts';
import type { Instance } from './instance.ts';

/** One instance, as start and stop order see it. */
export function toOrdered(instance: Instance): OrderedInstance {
  const { assigned, state } = instance;
  const { status } = claimedPart(state);
  return {
    instance: instance.id,
    agent: assigned.agent,
    group: assigned.spec.start.group,
    dependsOn: assigned.spec.start.dependsOn,
    // Ended with 0 before it was stopped on order: it did what it was there for.
    isReady: status === 'ready' || status === 'ended',
    isAlive: isAlive(state),
  };
}

/** All instances that are to stay, and what the main node told of the others. */
export function toOrderView(
  instances: Iterable<Instance>,
  peers: NodePeers,
  isAlone: boolean,
): OrderView {
  return { instances: [...instances].map(toOrdered), remote: peers.agents, isAlone };
}

/** `host:port` by port name of everything that an instance depends on, by agent: here on loopback, elsewhere as told. */
export function addressesFor(
  instance: Instance,
  instances: ReadonlyMap<InstanceId, Instance>,
  peers: NodePeers,
): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const addresses = new Map<string, Readonly<Record<string, string>>>();
  for (const name of instance.assigned.spec.start.dependsOn) {
    for (const peer of peers.agents) {
      if (peer.agent === name || peer.group === name) addresses.set(peer.agent, peer.addresses);
    }
    for (const other of instances.values()) {
      const { agent, spec } = other.assigned;
      if (agent !== name && spec.start.group !== name) continue;
      const known = addresses.get(agent);
      const isBetter = known === undefined || claimedPart(other.state).status === 'ready';
      if (isBetter) addresses.set(agent, onLoopback(other.ports));
    }
  }
  return addresses;
}

function onLoopback(ports: Readonly<Record<string, number>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [name, `127.0.0.1:${port}`]),
  );
}
