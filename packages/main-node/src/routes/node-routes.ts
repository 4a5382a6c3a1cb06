import { defineRoute, type Route } from '@meshwork/platform';
import { ActResult, Invite, InviteRequest, NodeAct, NodeRow, listOf } from '@meshwork/shared';
import { z } from 'zod';
import type { NodeAdmissions } from '../services/node-admissions.ts';
import type { StatusReader } from '../services/status-reader.ts';
import { requireActor } from './require-actor.ts';

const Name = z.strictObject({ name: z.string().min(1).max(63) });

/** Nodes: rows, joining, acts. */
export function nodeRoutes(deps: {
  readonly reader: StatusReader;
  readonly admissions: NodeAdmissions;
  /** Takes over the keys that `mesh up` left for its own nodes; answers their names. */
  readonly acceptLocal: (actor: ReturnType<typeof requireActor>) => Promise<readonly string[]>;
  readonly revision: () => number;
}): readonly Route[] {
  const { reader, admissions } = deps;
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/nodes',
      permission: 'read',
      response: listOf(NodeRow),
      handle: async () => ({ items: [...reader.nodes()] }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/nodes/:name',
      permission: 'read',
      params: Name,
      response: NodeRow,
      handle: async ({ params }) => reader.node(params.name),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/nodes/invite',
      permission: 'change',
      body: InviteRequest,
      response: Invite,
      handle: ({ body, actor }) => admissions.invite(body, requireActor(actor)),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/nodes/accept-local',
      permission: 'change',
      body: z.strictObject({}),
      response: ActResult,
      async handle({ actor }) {
        const affected = [...(await deps.acceptLocal(requireActor(actor)))];
        const message = affected.length === 0 ? 'no own nodes' : `accepted ${affected.join(', ')}`;
        return { revision: deps.revision(), message, affected };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/nodes/:name/act',
      permission: 'change',
      params: Name,
      body: NodeAct,
      response: ActResult,
      handle: ({ params, body, actor }) => admissions.act(params.name, body, requireActor(actor)),
    }),
  ];
}
