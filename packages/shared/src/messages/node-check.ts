import { z } from 'zod';
import { AgentName } from '../ids.ts';
import { defineRequest } from './define-message.ts';

/**
 * Main node -> node, before placing: are command, cwd, user, envFile and fixed ports of these agents there?
 *
 * Changes nothing. `problems` is empty where the node can run the agent; each names the cause and the remedy.
 */
export const NodeCheck = defineRequest('node.check', 1, {
  ask: z.object({ agents: z.array(z.object({ agent: AgentName, spec: z.unknown() })).max(1000) }),
  answer: z.object({
    results: z.array(
      z.object({
        agent: AgentName,
        problems: z.array(z.object({ code: z.string(), message: z.string() })),
      }),
    ),
  }),
});
