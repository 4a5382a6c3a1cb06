import { z } from 'zod';
import { AgentName } from '../ids.ts';
import { CallArgs } from '../messages/agent-call.ts';
import { linkLimits } from './limits.ts';

/** Correlates a call with its answer; minted by the side that calls. */
export const LinkCallId = z.string().min(1).max(64);

/** Name of an action, as `mesh call AGENT ACTION` says it. */
export const ActionName = z.string().min(1).max(128);

/** Length of a call, ms. What is left of it is sent, never a point in time. */
export const LinkTimeoutMs = z.number().positive().max(linkLimits.maxTimeoutMs);

/** A failure on the link. Codes outside the mesh's table are the agent's own. */
export const AgentLinkError = z.object({
  code: z.string().min(1).max(128),
  message: z.string().max(linkLimits.textChars),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type AgentLinkError = z.infer<typeof AgentLinkError>;

/** How a call ended, in either direction. With `error` it failed; else `result` is its answer (absent: null). */
export const LinkAnswer = z.object({
  kind: z.literal('answer'),
  id: LinkCallId,
  result: z.unknown().optional(),
  error: AgentLinkError.optional(),
});
export type LinkAnswer = z.infer<typeof LinkAnswer>;

/** Agent -> node, first on each connection: proves by `token` that it is the instance. A newer one ends the older connection. */
export const LinkHello = z.object({
  kind: z.literal('hello'),
  protocol: z.object({ min: z.int().positive(), max: z.int().positive() }),
  token: z.string().min(1).max(256),
  pid: z.int().positive(),
  sdk: z.object({ language: z.string().max(32), version: z.string().max(32) }),
  actions: z.array(ActionName).max(linkLimits.actions),
  /** Whether it said `ready` on an earlier connection and still is. */
  ready: z.boolean(),
});
export type LinkHello = z.infer<typeof LinkHello>;

/** Agent -> node: it serves from now on. */
const LinkReady = z.object({ kind: z.literal('ready') });

/** Agent -> node: it does not serve now, and why. */
const LinkNotReady = z.object({
  kind: z.literal('not-ready'),
  reason: z.string().max(linkLimits.textChars),
});

/** Agent -> node: calls another agent, wherever that runs. Answered by `id`. */
export const LinkAgentCall = z.object({
  kind: z.literal('call'),
  id: LinkCallId,
  target: AgentName,
  action: ActionName,
  args: CallArgs,
  timeoutMs: LinkTimeoutMs,
});
export type LinkAgentCall = z.infer<typeof LinkAgentCall>;

/** Agent -> node: it got on with its work. Evidence of progress; `detail` says what, for people. */
const LinkProgress = z.object({
  kind: z.literal('progress'),
  detail: z.string().max(linkLimits.textChars).optional(),
});

/** Agent -> node, last: it closes the link on purpose. */
const LinkBye = z.object({ kind: z.literal('bye') });

/** Everything an agent may say. Unknown fields are ignored, unknown kinds counted and dropped. */
export const AgentLinkMessage = z.discriminatedUnion('kind', [
  LinkHello,
  LinkReady,
  LinkNotReady,
  LinkAnswer,
  LinkAgentCall,
  LinkProgress,
  LinkBye,
]);
export type AgentLinkMessage = z.infer<typeof AgentLinkMessage>;
