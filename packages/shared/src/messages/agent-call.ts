import { z } from 'zod';
import { AgentName, Epoch, InstanceId, NodeName } from '../ids.ts';
import { defineRequest } from './define-message.ts';

/** JSON arguments of an action; at most 256 KiB encoded. */
export const CallArgs = z.record(z.string(), z.unknown());

/** Main node -> node: calls one instance that runs there. Runs once per id. */
export const AgentCall = defineRequest('agent.call', 1, {
  ask: z.object({
    instance: InstanceId,
    /** Set when the caller wants this very placement; another epoch refuses. */
    epoch: Epoch.optional(),
    action: z.string().min(1).max(128),
    args: CallArgs,
    caller: z.string().max(128).optional(),
  }),
  answer: z.object({ result: z.unknown(), durationMs: z.number() }),
});

/** Node -> main node: an agent here calls another agent, wherever that runs. */
export const RouteCall = defineRequest('route.call', 1, {
  ask: z.object({
    target: AgentName,
    action: z.string().min(1).max(128),
    args: CallArgs,
    caller: InstanceId,
  }),
  answer: z.object({
    instance: InstanceId,
    node: NodeName,
    result: z.unknown(),
    durationMs: z.number(),
  }),
});
