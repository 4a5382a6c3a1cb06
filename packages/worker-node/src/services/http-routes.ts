import { defineRoute, defineTextRoute, type Route } from '@meshwork/platform';
import { HealthReport, type Clock } from '@meshwork/shared';
import { z } from 'zod';
import type { Supervisor } from './supervisor.ts';

/** What a node's own HTTP routes show. */
export interface HttpRoutesDeps {
  readonly clock: Clock;
  readonly supervisor: Pick<Supervisor, 'hold'>;
  isBound(): boolean;
  isDraining(): boolean;
  isDiskFull(): boolean;
  metricsText(): Promise<string>;
}

/** Health and metrics of the node itself, on loopback and open to everyone there. */
export function createHttpRoutes(deps: HttpRoutesDeps): readonly Route[] {
  const report = (): HealthReport => {
    const { hold } = deps.supervisor;
    const checks = [
      {
        name: 'main-node',
        healthy: deps.isBound(),
        message: deps.isBound() ? 'bound' : 'away; agents are looked after all the same',
      },
      {
        name: 'supervision',
        healthy: hold === undefined && !deps.isDraining(),
        message: deps.isDraining() ? 'draining' : (hold ?? 'every instance is looked after'),
      },
      {
        name: 'disk',
        healthy: !deps.isDiskFull(),
        message: deps.isDiskFull()
          ? 'full: output of agents is dropped and counted until there is space'
          : 'there is space',
      },
    ];
    const status = checks.every(({ healthy }) => healthy) ? 'ok' : 'degraded';
    return { status, timestamp: new Date(deps.clock.now()).toISOString(), checks };
  };
  const health = (path: string): Route =>
    defineRoute({
      method: 'GET',
      path,
      permission: 'public',
      response: HealthReport,
      handle: async () => report(),
    });
  return [
    health('/health'),
    health('/health/ready'),
    defineRoute({
      method: 'GET',
      path: '/health/live',
      permission: 'public',
      response: z.object({ status: z.literal('ok') }),
      handle: async () => ({ status: 'ok' as const }),
    }),
    defineTextRoute({
      path: '/metrics',
      permission: 'public',
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      handle: () => deps.metricsText(),
    }),
  ];
}
