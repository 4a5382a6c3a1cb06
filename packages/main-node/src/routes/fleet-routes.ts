import { defineRoute, type Route } from '@meshwork/platform';
import { FleetInput, FleetRow, Plan, listOf } from '@meshwork/shared';
import { z } from 'zod';
import type { Fleets } from '../services/fleets.ts';
import { requireActor } from './require-actor.ts';

const Name = z.strictObject({ name: z.string().min(1).max(63) });

/** Fleets: plan, apply, remove, export. */
export function fleetRoutes(fleets: Fleets): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/fleets',
      permission: 'read',
      response: listOf(FleetRow),
      handle: async () => ({ items: [...fleets.list()] }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/fleets/:name',
      permission: 'read',
      params: Name,
      response: FleetRow,
      handle: async ({ params }) => fleets.get(params.name),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/fleets/plan',
      permission: 'read',
      body: FleetInput,
      response: Plan,
      handle: ({ body }) => fleets.plan(body),
    }),
    defineRoute({
      method: 'PUT',
      path: '/v1/fleets/:name',
      permission: 'change',
      params: Name,
      body: FleetInput,
      response: Plan,
      handle: ({ params, body, actor }) => fleets.apply(params.name, body, requireActor(actor)),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/fleets/:name',
      permission: 'change',
      params: Name,
      body: z.strictObject({}).optional(),
      response: Plan,
      handle: ({ params, actor }) => fleets.remove(params.name, requireActor(actor)),
    }),
  ];
}
