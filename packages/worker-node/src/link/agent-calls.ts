import {
  linkLimits,
  toMeshError,
  type ErrorBody,
  type InstanceId,
  type LinkAgentCall,
  type LinkAnswer,
  type RequestOutcome,
  type RouteCall,
} from '@meshwork/shared';
import type { z } from 'zod';

/** Finds an instance of the called agent, wherever it runs, and calls it. Never rejects for an expected outcome. */
export type RouteAgentCall = (
  ask: z.input<(typeof RouteCall)['body']>,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
) => Promise<RequestOutcome<z.infer<(typeof RouteCall)['answer']>>>;

/** Calls that one instance makes of other agents. */
export interface AgentCalls {
  /** The answer to one call; undefined when it repeats one that is still under way. */
  answer(call: LinkAgentCall): Promise<LinkAnswer | undefined>;
  /** Gives up all that are under way; idempotent. */
  close(): void;
}

/** Routes the calls of one instance; at most `linkLimits.callsInFlight` at a time. */
export function createAgentCalls(route: RouteAgentCall, caller: InstanceId): AgentCalls {
  const closing = new AbortController();
  const underWay = new Set<string>();

  async function run(call: LinkAgentCall): Promise<LinkAnswer> {
    const { id, target, action, args, timeoutMs } = call;
    if (Buffer.byteLength(JSON.stringify(args)) > linkLimits.argsBytes)
      return fail(id, {
        code: 'MESH_TOO_LARGE',
        message: `call ${target} ${action}: the arguments are larger than ${linkLimits.argsBytes} bytes`,
      });
    const outcome = await route(
      { target, action, args, caller },
      { timeoutMs, signal: closing.signal },
    );
    if (outcome.status !== 'answered') return fail(id, outcome.error);
    return { kind: 'answer', id, result: outcome.answer.result };
  }

  return {
    async answer(call) {
      const { id } = call;
      if (underWay.has(id)) return undefined;
      if (underWay.size >= linkLimits.callsInFlight)
        return fail(id, {
          code: 'MESH_BUSY',
          message: `call ${call.target} ${call.action}: ${underWay.size} calls are already under way`,
        });
      underWay.add(id);
      try {
        return await run(call);
      } catch (error) {
        return fail(id, toMeshError(error).toBody());
      } finally {
        underWay.delete(id);
      }
    },
    close() {
      closing.abort();
    },
  };
}

function fail(id: string, error: ErrorBody): LinkAnswer {
  const { code, details } = error;
  const message = error.message.slice(0, linkLimits.textChars);
  return {
    kind: 'answer',
    id,
    error: details === undefined ? { code, message } : { code, message, details: { ...details } },
  };
}
