import { z } from 'zod';
import { Epoch, FleetName, AgentName, InstanceId } from '../ids.ts';
import { defineMessage, defineRequest } from './define-message.ts';

/** Main node -> node: stops or describes an unclaimed instance. Idempotent by instance and epoch. */
export const UnclaimedAct = defineRequest('unclaimed.act', 1, {
  ask: z.object({ instance: InstanceId, act: z.enum(['describe', 'stop']) }),
  answer: z.object({
    instance: InstanceId,
    agent: AgentName,
    fleet: FleetName,
    epoch: Epoch,
    nonce: z.int().nonnegative(),
    spec: z.unknown(),
  }),
});

/** Main node -> node: the node's own metrics, Prometheus text. */
export const NodeMetrics = defineRequest('node.metrics', 1, {
  ask: z.object({}),
  answer: z.object({ text: z.string() }),
});

/** Main node -> node: you are no longer in this mesh; drain, stop your agents, end. */
export const NodeRemoved = defineRequest('node.removed', 1, {
  ask: z.object({ why: z.enum(['removed', 'revoked']) }),
  answer: z.object({ stopping: z.int().nonnegative() }),
});

/** Node -> main node: I end now; nothing is wrong. */
export const NodeLeft = defineMessage(
  'node.left',
  1,
  z.object({ why: z.enum(['stopped', 'rebooting', 'removed']) }),
);

/** Main node -> node: you were called dead under this incarnation; raise it and say hello again. */
export const NodeCalledDead = defineMessage(
  'node.called-dead',
  1,
  z.object({ incarnation: z.int().nonnegative() }),
);
