import {
  AgentCall,
  MeshError,
  fromErrorBody,
  type CallRequest,
  type CallResult,
  type Clock,
  type Histogram,
  type Hub,
  type InstanceId,
  type NodeName,
  type RequestOutcome,
} from '@meshwork/shared';
import type { z } from 'zod';
import { isUsable, sightOf } from '../core/live.ts';
import type { DesiredIndex } from '../core/desired-index.ts';
import type { InstanceRecord } from '../core/mesh-state.ts';
import { findInstances, meansOne, parseTarget, pickLeastLoaded } from '../core/targets.ts';
import type { LiveNodes } from './live-nodes.ts';

/** Calls under way through this main node; more are refused. */
const maxCalls = 10_000;

/** One call to whoever the target means. */
export type CallAsk = CallRequest & {
  readonly caller: string;
  readonly trace?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Finds who is meant and calls them. */
export interface CallRouter {
  /**
   * A row per called instance, in the order of their ids. Throws MESH_AGENT_UNKNOWN, MESH_BUSY; everything else is a row's status (P7).
   */
  call(ask: CallAsk): Promise<readonly CallResult[]>;
}

/** Routes calls; retries nothing. */
export function createCallRouter(deps: {
  readonly hub: Pick<Hub, 'request' | 'isBound'>;
  readonly index: () => DesiredIndex;
  readonly live: Pick<LiveNodes, 'nodes'>;
  readonly clock: Clock;
  /** Labels: status. */
  readonly seconds: Histogram;
}): CallRouter {
  const { hub, live, clock } = deps;
  const inFlight = new Map<InstanceId, number>();
  const turns = new Map<string, number>();
  let total = 0;

  const see = (record: InstanceRecord) =>
    sightOf(live.nodes.get(record.node), record.instance, clock.monotonic());

  function pickOne(target: string, records: readonly InstanceRecord[]): InstanceRecord | undefined {
    const choices = records
      .map((record) => ({ record, sight: see(record) }))
      .filter(({ sight }) => isUsable(sight))
      .map(({ record, sight }) => ({
        record,
        instance: record.instance,
        callsInFlight: Math.max(
          sight.report?.callsInFlight ?? 0,
          inFlight.get(record.instance) ?? 0,
        ),
      }));
    const turn = turns.get(target) ?? 0;
    turns.set(target, turn + 1);
    // Turns are only for fairness; forgetting them all at times costs nothing.
    if (turns.size > 10_000) turns.clear();
    const picked = pickLeastLoaded(choices, turn);
    return choices.find(({ instance }) => instance === picked?.instance)?.record;
  }

  async function callOne(record: InstanceRecord, ask: CallAsk): Promise<CallResult> {
    const { agent, instance, node, epoch } = record;
    const about = { agent, instance, node };
    const sight = see(record);
    if (!isUsable(sight)) return { ...about, ...refused(notReady(record, sight)), durationMs: 0 };
    const startedAtMs = clock.monotonic();
    count(instance, 1);
    try {
      const outcome = await hub.request(
        node,
        AgentCall,
        { instance, epoch, action: ask.action, args: ask.args, caller: ask.caller },
        {
          timeoutMs: ask.timeoutMs,
          ...(ask.trace === undefined ? {} : { trace: ask.trace }),
          ...(ask.signal === undefined ? {} : { signal: ask.signal }),
        },
      );
      const durationMs = clock.monotonic() - startedAtMs;
      deps.seconds.observe(durationMs / 1_000, { status: outcome.status });
      return { ...about, ...toResult(outcome), durationMs };
    } finally {
      count(instance, -1);
    }
  }

  function count(instance: InstanceId, by: 1 | -1): void {
    total += by;
    const now = (inFlight.get(instance) ?? 0) + by;
    if (now === 0) inFlight.delete(instance);
    else inFlight.set(instance, now);
  }

  return {
    async call(ask) {
      const target = parseTarget(ask.target);
      const records = findInstances(target, deps.index());
      if (!ask.any && !meansOne(target)) {
        if (total + records.length > maxCalls) throw busy();
        return Promise.all(records.map((record) => callOne(record, ask)));
      }
      if (total >= maxCalls) throw busy();
      const one = pickOne(ask.target, records);
      if (one !== undefined) return [await callOne(one, ask)];
      const [first] = records;
      if (first === undefined) return [];
      const { agent, instance, node } = first;
      const why = refused(notReady(first, see(first), records.length));
      return [{ agent, instance, node, ...why, durationMs: 0 }];
    },
  };
}

/** The one row of a call by name, as an answer or a thrown MeshError. */
export function unwrapResult(
  result: CallResult | undefined,
  target: string,
): { readonly instance: InstanceId; readonly node: NodeName; readonly result: unknown } {
  if (result?.status === 'answered' && result.instance !== undefined && result.node !== undefined)
    return { instance: result.instance, node: result.node, result: result.result };
  if (result?.error !== undefined) throw fromErrorBody(result.error);
  throw new MeshError('MESH_AGENT_NOT_READY', `no instance of ${target} is ready`);
}

function toResult(
  outcome: RequestOutcome<z.infer<(typeof AgentCall)['answer']>>,
): Pick<CallResult, 'status' | 'result' | 'error'> {
  if (outcome.status === 'answered')
    return { status: 'answered', result: outcome.answer.result ?? null };
  const { code, message, details } = outcome.error;
  return {
    status: outcome.status,
    error: { code, message, ...(details === undefined ? {} : { details: { ...details } }) },
  };
}

function refused(error: MeshError): Pick<CallResult, 'status' | 'error'> {
  return { status: 'refused', error: { code: error.code, message: error.message } };
}

function notReady(
  { agent, instance, node }: InstanceRecord,
  sight: ReturnType<typeof sightOf>,
  ofMany = 1,
): MeshError {
  const why = sight.reason === undefined ? '' : ` (${sight.reason})`;
  const stale = sight.isStale && sight.state === 'ready' ? ', but not heard lately' : '';
  const who =
    ofMany > 1 ? `none of the ${ofMany} instances of ${agent} is ready; ${instance}` : instance;
  return new MeshError(
    'MESH_AGENT_NOT_READY',
    `${who} on ${node} is ${sight.state}${stale}${why}; mesh agent show ${agent} says more`,
  );
}

function busy(): MeshError {
  return new MeshError('MESH_BUSY', `${maxCalls} calls are under way; nothing was called`);
}
