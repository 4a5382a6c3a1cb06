import { defineFollowableRoute, defineRoute, type Route } from '@meshwork/platform';
import {
  CallRequest,
  CallResult,
  PingRequest,
  PingRow,
  Status,
  listOf,
  type Actor,
} from '@meshwork/shared';
import { z } from 'zod';
import { requireActor } from './require-actor.ts';
import type { CallRouter } from '../services/call-router.ts';
import { EventRow, type EventReader } from '../services/event-reader.ts';
import type { Pinger } from '../services/pinger.ts';
import type { StatusReader } from '../services/status-reader.ts';

const EventQuery = z.strictObject({
  after: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(100),
  follow: z.stringbool().default(false),
});

/** Status, calls, pings, events, config and shutdown. */
export function meshRoutes(deps: {
  readonly reader: StatusReader;
  readonly calls: CallRouter;
  readonly pinger: Pinger;
  readonly events: EventReader;
  /** The config in force, by key, secrets redacted, with where each value comes from. */
  readonly showConfig: () => readonly z.infer<typeof ConfigEntry>[];
  readonly shutdown: (options: { readonly drain: boolean }) => void;
}): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/status',
      permission: 'read',
      response: Status,
      handle: async () => deps.reader.status(),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/call',
      permission: 'change',
      body: CallRequest,
      response: listOf(CallResult),
      handle: async ({ body, actor, signal }) => {
        const items = await deps.calls.call({ ...body, caller: nameOf(actor), signal });
        return { items: [...items] };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/ping',
      permission: 'read',
      body: PingRequest,
      response: listOf(PingRow),
      handle: async ({ body, signal }) => ({
        items: [...(await deps.pinger.ping({ ...body, signal }))],
      }),
    }),
    defineFollowableRoute({
      path: '/v1/events',
      permission: 'read',
      query: EventQuery,
      response: listOf(EventRow),
      isFollowed: ({ query }) => query.follow,
      handle: async ({ query }) => deps.events.read(query),
      follow: ({ query, signal, lastEventId }) =>
        deps.events.follow({ ...query, after: lastEventId ?? query.after, signal }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/config',
      permission: 'read',
      response: listOf(ConfigEntry),
      handle: async () => ({ items: [...deps.showConfig()] }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/shutdown',
      permission: 'change',
      body: z.strictObject({ drain: z.boolean().default(false) }),
      response: z.object({ message: z.string() }),
      handle: async ({ body }) => {
        deps.shutdown({ drain: body.drain });
        const message = body.drain
          ? 'stopping, and the embedded Redis with it'
          : 'stopping; agents and Redis run on';
        return { message };
      },
    }),
  ];
}

/** One key of the config in force. */
export const ConfigEntry = z.object({
  path: z.string(),
  value: z.unknown().optional(),
  /** As people write it. */
  text: z.string(),
  source: z.string(),
});

function nameOf(actor: Actor | undefined): string {
  const { kind, name } = requireActor(actor);
  return `${kind} ${name}`;
}
