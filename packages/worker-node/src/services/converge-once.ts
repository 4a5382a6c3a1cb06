import type { InstanceId, NodePeers } from '@meshwork/shared';
import { pickDrainOrder, pickOrder, type Order } from '../core/converge.ts';
import { claimedPart, isAlive } from '../core/instance-state.ts';
import { pickStartGate, pickStoppable, type OrderView } from '../core/start-order.ts';
import { pickWakeMs } from '../core/step-instance.ts';
import { policyOf, type Instance } from './instance.ts';
import type { InstanceTable } from './instance-table.ts';
import { toOrdered, toOrderView } from './order-view.ts';

/** What one pass goes by, besides the instances. Times are ms since boot. */
export interface Circumstances {
  readonly nowMs: number;
  readonly peers: NodePeers;
  /** Everything stops. */
  readonly isDraining: boolean;
  /** Why nothing is started; absent: everything is. */
  readonly hold?: string | undefined;
  /** Since when the main node is away; absent: it is there. */
  readonly aloneSinceMs?: number | undefined;
}

/** So long an instance waits for what should be ready on other nodes while the main node is away. */
const ALONE_WAIT_MS = 30_000;

/**
 * Brings every instance one step nearer to what is wanted: orders, then starts and stops whose turn it is, then time.
 *
 * Answers when it should be called again at the latest, ms since boot; every change of an instance asks for it, too.
 */
export function convergeOnce(table: InstanceTable, now: Circumstances): number | undefined {
  const instances = [...table.all.values()];
  giveOrders(instances, table, now);
  const view = toOrderView(instances, now.peers, false);
  let wakeMs: number | undefined;
  const wake = (atMs: number | undefined): void => {
    if (atMs !== undefined) wakeMs = Math.min(wakeMs ?? Infinity, atMs);
  };
  for (const instance of instances) {
    if (claimedPart(instance.state).status === 'waiting')
      wake(tryStart(instance, table, view, now));
    const dueMs = pickWakeMs(instance.state, policyOf(instance.assigned));
    if (dueMs !== undefined && dueMs <= now.nowMs) table.apply(instance, { type: 'tick' });
    wake(pickWakeMs(instance.state, policyOf(instance.assigned)));
  }
  return wakeMs;
}

function giveOrders(
  instances: readonly Instance[],
  table: InstanceTable,
  now: Circumstances,
): void {
  const stops = new Map<Instance, Order>();
  for (const instance of instances) {
    for (let order = orderFor(instance, now); order; order = orderFor(instance, now)) {
      if (order.type === 'stop' && order.after !== 'start' && isAlive(instance.state)) {
        stops.set(instance, order);
        break;
      }
      const before = instance.state;
      table.apply(instance, order);
      // `forget` leaves a stopped instance, which goes once its effect is carried out.
      if (instance.state === before || order.type === 'stop') break;
    }
  }
  if (stops.size === 0) return;
  const toStop = new Set<InstanceId>();
  for (const instance of instances) {
    const inner = claimedPart(instance.state);
    const isGoing = inner.status === 'stopping' && inner.after !== 'start';
    if (stops.has(instance) || isGoing) toStop.add(instance.id);
  }
  const free = pickStoppable(toStop, toOrderView(instances, now.peers, false));
  for (const [instance, order] of stops) {
    const isGoing = instance.state.status === 'stopping';
    if (isGoing || free.has(instance.id)) table.apply(instance, order);
  }
}

function orderFor(instance: Instance, now: Circumstances): Order | undefined {
  return now.isDraining ? pickDrainOrder(instance.state) : pickOrder(instance);
}

/** Starts a waiting instance when it may; else answers when to look again though nothing changed. */
function tryStart(
  instance: Instance,
  table: InstanceTable,
  view: OrderView,
  now: Circumstances,
): number | undefined {
  const inner = claimedPart(instance.state);
  if (now.isDraining || now.hold !== undefined) return undefined;
  const aloneAtMs =
    now.aloneSinceMs === undefined
      ? undefined
      : Math.max(now.aloneSinceMs, inner.sinceMs) + ALONE_WAIT_MS;
  const isAlone = aloneAtMs !== undefined && now.nowMs >= aloneAtMs;
  const gate = pickStartGate(toOrdered(instance), { ...view, isAlone });
  if (gate.open) {
    instance.gate = { waitsFor: [], without: gate.without };
    table.apply(instance, { type: 'go' });
    return undefined;
  }
  instance.gate = { waitsFor: gate.waitsFor, without: [] };
  return isAlone ? undefined : aloneAtMs;
}
