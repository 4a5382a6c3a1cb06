import type { Route } from '@meshwork/platform';
import { NodeMetrics, type Hub } from '@meshwork/shared';
import { getNode } from '../core/admission.ts';
import type { Fleets } from '../services/fleets.ts';
import { unwrapOutcome } from '../services/outcome.ts';
import type { StateKeeper } from '../services/state-keeper.ts';
import { agentRoutes } from './agent-routes.ts';
import { fleetRoutes } from './fleet-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { meshRoutes } from './mesh-routes.ts';
import { nodeRoutes } from './node-routes.ts';

type DepsOf<Make extends (deps: never) => unknown> = Parameters<Make>[0];

const metricsMs = 5_000;

/** The one table of the HTTP API. */
export function apiRoutes(
  deps: DepsOf<typeof meshRoutes> &
    Omit<DepsOf<typeof nodeRoutes>, 'revision'> &
    DepsOf<typeof agentRoutes> &
    Omit<DepsOf<typeof healthRoutes>, 'nodeMetrics'> & {
      readonly fleets: Fleets;
      readonly state: Pick<StateKeeper, 'state'>;
      readonly hub: Pick<Hub, 'request'>;
    },
): readonly Route[] {
  return [
    ...meshRoutes(deps),
    ...nodeRoutes({ ...deps, revision: () => deps.state.state.revision }),
    ...agentRoutes(deps),
    ...fleetRoutes(deps.fleets),
    ...healthRoutes({
      ...deps,
      async nodeMetrics(name) {
        const node = getNode(deps.state.state, name).name;
        const outcome = await deps.hub.request(node, NodeMetrics, {}, { timeoutMs: metricsMs });
        return unwrapOutcome(outcome).text;
      },
    }),
  ];
}
