import type { Clock, HealthReport, MeshError, MeshStore } from '@meshwork/shared';
import type { LiveNodes } from './live-nodes.ts';
import type { MeshState } from '../core/mesh-state.ts';

/** One thing that is looked at; `isVital` makes the main node not ready while it fails. */
interface Check {
  readonly name: string;
  readonly isVital: boolean;
  look(): { readonly healthy: boolean; readonly message: string };
}

/** What the main node says of its own health; every check looks at the real thing. */
export interface Health {
  report(): HealthReport;
  /** Only what decides whether this main node can do its work. */
  readiness(): HealthReport;
}

/** Looks at store, term, disk, control port and nodes. */
export function createHealth(deps: {
  readonly store: Pick<MeshStore, 'state'>;
  readonly losses: () => readonly string[];
  readonly isTermHeld: () => boolean;
  readonly diskRefusal: () => MeshError | undefined;
  readonly controlPort: () => number | undefined;
  readonly live: Pick<LiveNodes, 'nodes'>;
  readonly state: () => MeshState;
  readonly lastMissedMs: () => number;
  readonly clock: Clock;
}): Health {
  const checks: readonly Check[] = [
    {
      name: 'store',
      isVital: true,
      look() {
        if (deps.store.state === 'down')
          return { healthy: false, message: 'Redis is away; changes are refused' };
        return { healthy: true, message: 'up' };
      },
    },
    {
      name: 'durability',
      // What it can lose was accepted by name in the config; that stays visible and stops nothing.
      isVital: false,
      look() {
        const losses = deps.losses();
        return losses.length === 0
          ? { healthy: true, message: 'what was acknowledged is on disk' }
          : { healthy: false, message: losses.join('; ') };
      },
    },
    {
      name: 'term',
      isVital: true,
      look: () =>
        deps.isTermHeld()
          ? { healthy: true, message: 'held and renewed' }
          : { healthy: false, message: 'not renewed lately' },
    },
    {
      name: 'disk',
      isVital: true,
      look() {
        const refusal = deps.diskRefusal();
        return refusal === undefined
          ? { healthy: true, message: 'enough space for the store' }
          : { healthy: false, message: refusal.message };
      },
    },
    {
      name: 'control port',
      isVital: true,
      look() {
        const port = deps.controlPort();
        return port === undefined
          ? { healthy: false, message: 'not bound' }
          : { healthy: true, message: `bound on ${port}` };
      },
    },
    {
      name: 'nodes',
      isVital: false,
      look() {
        const accepted = [...deps.state().nodes.values()].filter(
          ({ admission }) => admission === 'accepted',
        );
        const away = accepted.filter(
          ({ name }) => deps.live.nodes.get(name)?.member.status !== 'alive',
        );
        const isAnyHeard = away.length < accepted.length;
        if (accepted.length === 0)
          return { healthy: false, message: 'no node is in this mesh: nothing is watched' };
        if (away.length === 0) return { healthy: true, message: `all ${accepted.length} alive` };
        const names = away.map(
          ({ name }) => `${name} (${deps.live.nodes.get(name)?.member.status ?? 'unknown'})`,
        );
        return {
          healthy: false,
          message: `${isAnyHeard ? '' : 'no node is heard: nothing is watched; '}not alive: ${names.join(', ')}`,
        };
      },
    },
    {
      name: 'own pace',
      isVital: false,
      look() {
        const missedMs = deps.lastMissedMs();
        return missedMs < 1_000
          ? { healthy: true, message: 'the detector keeps its pace' }
          : {
              healthy: false,
              message: `${Math.round(missedMs)} ms of the last minute were not watched: this process did not get to run`,
            };
      },
    },
  ];

  function toReport(looked: readonly Check[]): HealthReport {
    const results = looked.map((check) => ({ name: check.name, check, ...check.look() }));
    const failed = results.filter(({ healthy }) => !healthy);
    const isVital = failed.some(({ check }) => check.isVital);
    return {
      status: failed.length === 0 ? 'ok' : isVital ? 'failed' : 'degraded',
      timestamp: new Date(deps.clock.now()).toISOString(),
      checks: results.map(({ name, healthy, message }) => ({ name, healthy, message })),
    };
  }

  return {
    report: () => toReport(checks),
    readiness: () => toReport(checks.filter(({ isVital }) => isVital)),
  };
}
