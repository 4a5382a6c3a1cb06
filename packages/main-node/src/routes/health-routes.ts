import { defineRoute, defineTextRoute, type MetricsRegistry, type Route } from '@meshwork/platform';
import { HealthReport } from '@meshwork/shared';
import { z } from 'zod';
import type { Health } from '../services/health.ts';

/** Health and metrics. Health needs no token: probes of the machine's own tools have none, and it tells no secret. */
export function healthRoutes(deps: {
  readonly health: Health;
  readonly metrics: Pick<MetricsRegistry, 'expose' | 'contentType'>;
  /** Prometheus text of one node. Throws MESH_NODE_UNKNOWN, MESH_NODE_UNAVAILABLE. */
  readonly nodeMetrics: (node: string) => Promise<string>;
}): readonly Route[] {
  const { health, metrics } = deps;
  const status = (report: HealthReport): number => (report.status === 'failed' ? 503 : 200);
  return [
    defineRoute({
      method: 'GET',
      path: '/health',
      permission: 'public',
      response: HealthReport,
      handle: async () => health.report(),
      status,
    }),
    defineRoute({
      method: 'GET',
      path: '/health/live',
      permission: 'public',
      response: z.object({ status: z.literal('ok') }),
      // To answer at all is the check: the event loop turns.
      handle: async () => ({ status: 'ok' as const }),
    }),
    defineRoute({
      method: 'GET',
      path: '/health/ready',
      permission: 'public',
      response: HealthReport,
      handle: async () => health.readiness(),
      status,
    }),
    defineTextRoute({
      path: '/metrics',
      permission: 'read',
      contentType: metrics.contentType,
      handle: () => metrics.expose(),
    }),
    defineTextRoute({
      path: '/metrics/nodes/:name',
      permission: 'read',
      params: z.strictObject({ name: z.string().min(1).max(63) }),
      contentType: metrics.contentType,
      handle: ({ params }) => deps.nodeMetrics(params.name),
    }),
  ];
}
