import {
  MeshError,
  RouteCall,
  toMeshError,
  type AgentName,
  type Calls,
  type NodeName,
  type Random,
  type Uplink,
} from '@meshwork/shared';
import type { RouteAgentCall } from '../link/agent-calls.ts';
import type { Caller, InstanceTarget } from '../services/ports.ts';

/** What routing an agent's call of another agent needs. */
export interface RouteAgentCallDeps {
  readonly node: NodeName;
  readonly random: Random;
  readonly caller: Caller;
  readonly uplink: Pick<Uplink, 'isBound' | 'request'>;
  /** A ready instance of this agent on this node, the least loaded one; undefined when there is none. */
  findReady(
    agent: AgentName,
  ): (InstanceTarget & { readonly calls?: Calls | undefined }) | undefined;
}

/**
 * Makes the way of one agent's calls to others.
 *
 * The main node picks the instance, because it knows all of them; while it is away, agents of this node reach each other.
 */
export function createAgentCallRoute(deps: RouteAgentCallDeps): RouteAgentCall {
  const { uplink } = deps;

  return async (ask, options) => {
    if (uplink.isBound) return uplink.request(RouteCall, RouteCall.body.parse(ask), options);
    const target = deps.findReady(ask.target as AgentName);
    if (target === undefined) return { status: 'refused', error: notHere(ask.target).toBody() };
    try {
      const { instance } = target;
      const id = Buffer.from(deps.random.bytes(16)).toString('hex');
      const { action, args, caller } = ask;
      const { timeoutMs } = options;
      const answer = await deps.caller.call(target, { action, args, caller }, { timeoutMs, id });
      return { status: 'answered', answer: { instance, node: deps.node, ...answer } };
    } catch (error) {
      const { code, ...rest } = toMeshError(error).toBody();
      const status = statusOf(code);
      return { status, error: { code, ...rest } };
    }
  };
}

function statusOf(code: string): 'refused' | 'expired' | 'unknown' {
  if (code === 'MESH_EXPIRED') return 'expired';
  return code === 'MESH_OUTCOME_UNKNOWN' ? 'unknown' : 'refused';
}

function notHere(agent: string): MeshError {
  return new MeshError(
    'MESH_UNREACHABLE',
    `call ${agent}: the main node is away, and no instance of it is ready on this node`,
  );
}
