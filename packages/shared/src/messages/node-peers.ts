import { z } from 'zod';
import { AgentName } from '../ids.ts';
import { defineMessage, type MessageOf } from './define-message.ts';

/**
 * Main node -> node, latest wins: what the node's agents depend on and does not run here.
 *
 * `ready` is true when every instance of the agent is ready; `addresses` maps a port name to `host:port` of
 * one ready instance.
 */
export const NodePeers = defineMessage(
  'node.peers',
  1,
  z.object({
    agents: z.array(
      z.object({
        agent: AgentName,
        group: z.string().optional(),
        ready: z.boolean(),
        addresses: z.record(z.string(), z.string()),
      }),
    ),
  }),
);
export type NodePeers = MessageOf<typeof NodePeers>;
