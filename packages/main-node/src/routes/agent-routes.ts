import { defineFollowableRoute, defineRoute, type Route } from '@meshwork/platform';
import { ActResult, AgentAct, AgentRow, InstanceId, LogCursor, listOf } from '@meshwork/shared';
import { z } from 'zod';
import type { AgentOrders } from '../services/agent-orders.ts';
import type { LogReader } from '../services/log-reader.ts';
import type { StatusReader } from '../services/status-reader.ts';
import { requireActor } from './require-actor.ts';

const Name = z.strictObject({ name: z.string().min(1).max(128) });

/** One line of output, as `GET /v1/agents/NAME/logs` gives it. */
const LogRow = z.object({ instance: InstanceId, line: z.string(), dropped: z.int().optional() });

const LogQuery = z.strictObject({
  tail: z.coerce.number().int().min(0).max(10_000).default(100),
  follow: z.stringbool().default(false),
});

/** Agents: rows, orders, output. */
export function agentRoutes(deps: {
  readonly reader: StatusReader;
  readonly orders: AgentOrders;
  readonly logs: LogReader;
}): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/agents',
      permission: 'read',
      query: z.strictObject({
        target: z.string().min(1).max(128).optional(),
        node: z.string().min(1).max(63).optional(),
      }),
      response: listOf(AgentRow),
      handle: async ({ query }) => ({ items: [...deps.reader.agents(query)] }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/agents/:name',
      permission: 'read',
      params: Name,
      response: listOf(AgentRow),
      handle: async ({ params }) => ({
        items: [...deps.reader.agents({ target: params.name })],
      }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/agents/:name/act',
      permission: 'change',
      params: Name,
      body: AgentAct,
      response: ActResult,
      handle: ({ params, body, actor }) => deps.orders.act(params.name, body, requireActor(actor)),
    }),
    defineFollowableRoute({
      path: '/v1/agents/:name/logs',
      permission: 'read',
      params: Name,
      query: LogQuery,
      response: listOf(LogRow).extend({ position: z.record(InstanceId, LogCursor).optional() }),
      isFollowed: ({ query }) => query.follow,
      async handle({ params, query, signal }) {
        const ask = { target: params.name, tail: query.tail, signal };
        const { lines, position } = await deps.logs.read(ask);
        return { items: [...lines], position: Object.fromEntries(position) };
      },
      async *follow({ params, query, signal }) {
        const ask = { target: params.name, tail: query.tail, signal };
        for await (const data of deps.logs.follow(ask)) yield { data };
      },
    }),
  ];
}
