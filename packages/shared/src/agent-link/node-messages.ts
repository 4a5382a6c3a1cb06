import { z } from 'zod';
import { Epoch, InstanceId, NodeName } from '../ids.ts';
import { CallArgs } from '../messages/agent-call.ts';
import {
  ActionName,
  LinkAnswer,
  LinkCallId,
  AgentLinkError,
  LinkTimeoutMs,
} from './agent-messages.ts';

/**
 * Node -> agent: it does not know this connection; say `hello` (again).
 *
 * Comes when the worker node was restarted under a living connection. An empty frame, which greets each new connection, asks
 * the same.
 */
const LinkHelloWanted = z.object({ kind: z.literal('hello?') });

/** Node -> agent: the hello holds. `protocol` is the highest common version. */
export const LinkWelcome = z.object({
  kind: z.literal('welcome'),
  protocol: z.int().positive(),
  node: NodeName,
  instance: InstanceId,
  epoch: Epoch,
});
export type LinkWelcome = z.infer<typeof LinkWelcome>;

/** Node -> agent: the hello does not hold, or a newer connection of the same instance took its place. Final. */
const LinkRefused = z.object({ kind: z.literal('refused'), error: AgentLinkError });

/** Node -> agent: do this. A repeated `id` gets the answer of the first while that is under way. */
export const LinkNodeCall = z.object({
  kind: z.literal('call'),
  id: LinkCallId,
  action: ActionName,
  args: CallArgs,
  timeoutMs: LinkTimeoutMs,
  /** Who asks: an instance or a person. */
  caller: z.string().max(128).optional(),
});
export type LinkNodeCall = z.infer<typeof LinkNodeCall>;

/** Node -> agent: no new calls will come; finish those under way. The signal to end comes after. */
const LinkDrain = z.object({ kind: z.literal('drain') });

/** Everything a node may say to an agent. Unknown fields are ignored, unknown kinds counted and dropped. */
export const NodeLinkMessage = z.discriminatedUnion('kind', [
  LinkHelloWanted,
  LinkWelcome,
  LinkRefused,
  LinkNodeCall,
  LinkAnswer,
  LinkDrain,
]);
export type NodeLinkMessage = z.infer<typeof NodeLinkMessage>;
