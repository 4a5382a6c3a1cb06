import {
  MeshError,
  linkLimits,
  type Calls,
  type Clock,
  type Component,
  type InstanceId,
} from '@meshwork/shared';
import type { CallAsk, Caller, InstanceTarget } from '../services/ports.ts';
import { callHttp } from './http-call.ts';
import { createZmqCalls } from './zmq-calls.ts';

/** How agents with SDK are called; the host of the agent links does it. */
export interface LinkCalls {
  hasSdk(instance: InstanceId): boolean;
  /** Whether the connected agent declared this action, or it is a built-in one. */
  knows(instance: InstanceId, action: string): boolean;
  /** Rejects as `Caller.call` does. */
  call(
    instance: InstanceId,
    ask: CallAsk,
    options: { readonly timeoutMs: number; readonly id: string },
  ): Promise<unknown>;
}

/** What a caller needs. */
export interface CallerDeps {
  readonly clock: Clock;
  readonly link: LinkCalls;
}

type Target = InstanceTarget & { readonly calls?: Calls | undefined };
type Result = Awaited<ReturnType<Caller['call']>>;

/**
 * Calls instances over the link, ZeroMQ REQ or HTTP.
 *
 * An action that the SDK declared goes over the link; else `calls` of the spec counts, so that a program can use both.
 * Repeating the id of a call that is under way gives the first one's answer.
 */
export function createCaller(deps: CallerDeps): Caller & Component {
  const { clock, link } = deps;
  /** Aborts what is under way, once the deadline of `stop` has come. */
  const givingUp = new AbortController();
  let isStopping = false;
  const zmq = createZmqCalls(clock);
  const loads = new Map<InstanceId, number>();
  const underWay = new Map<string, Promise<Result>>();

  async function run(target: Target, ask: CallAsk, timeoutMs: number, id: string): Promise<Result> {
    const { instance, calls } = target;
    const startedMs = clock.monotonic();
    const result = await dispatch();
    return { result, durationMs: clock.monotonic() - startedMs };

    function dispatch(): Promise<unknown> {
      const { action, args } = ask;
      if (link.knows(instance, action) || (calls === undefined && link.hasSdk(instance)))
        return link.call(instance, ask, { timeoutMs, id });
      if (calls === undefined) throw notCallable(instance, action);
      const name = 'zmq' in calls ? calls.zmq : calls.http;
      const port = target.ports[name];
      if (port === undefined) throw unboundPort(instance, action, name);
      const call = { instance, action, port, timeoutMs };
      if ('zmq' in calls) return zmq.call(call, args);
      return callHttp({ ...call, body: JSON.stringify(args), signal: givingUp.signal });
    }
  }

  function admit(instance: InstanceId, ask: CallAsk): void {
    if (isStopping)
      throw new MeshError('MESH_STOPPING', `call ${instance} ${ask.action}: the node is stopping`);
    if ((loads.get(instance) ?? 0) >= linkLimits.callsInFlight)
      throw new MeshError(
        'MESH_BUSY',
        `call ${instance} ${ask.action}: ${linkLimits.callsInFlight} calls are already under way`,
      );
    if (Buffer.byteLength(JSON.stringify(ask.args)) > linkLimits.argsBytes)
      throw new MeshError(
        'MESH_TOO_LARGE',
        `call ${instance} ${ask.action}: the arguments are larger than ${linkLimits.argsBytes} bytes`,
      );
  }

  function count(instance: InstanceId, by: 1 | -1): void {
    const load = (loads.get(instance) ?? 0) + by;
    if (load === 0) loads.delete(instance);
    else loads.set(instance, load);
  }

  return {
    name: 'caller',
    async start() {
      zmq.start();
    },
    async stop(signal) {
      isStopping = true;
      const drained = Promise.allSettled(underWay.values());
      await Promise.race([drained, aborted(signal)]);
      givingUp.abort();
      await zmq.stop();
      await drained;
    },
    async call(target, ask, { timeoutMs, id }) {
      const key = `${target.instance} ${id}`;
      const earlier = underWay.get(key);
      if (earlier !== undefined) return earlier;
      admit(target.instance, ask);
      count(target.instance, 1);
      const call = run(target, ask, timeoutMs, id).finally(() => {
        count(target.instance, -1);
        underWay.delete(key);
      });
      underWay.set(key, call);
      return call;
    },
    inFlight: (instance) => loads.get(instance) ?? 0,
  };
}

function notCallable(instance: InstanceId, action: string): MeshError {
  return new MeshError(
    'MESH_AGENT_NOT_CALLABLE',
    `call ${instance} ${action}: it has no SDK connected, and its fleet file no \`calls\``,
  );
}

function unboundPort(instance: InstanceId, action: string, name: string): MeshError {
  return new MeshError(
    'MESH_AGENT_NOT_READY',
    `call ${instance} ${action}: its port "${name}" is not bound`,
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
