import { createHash } from 'node:crypto';
import type { AssignedInstance, Epoch, Evidence, InstanceId, Run } from '@meshwork/shared';
import type { Claim } from '../core/converge.ts';
import type { InstancePolicy, InstanceState } from '../core/instance-state.ts';
import { toIdentity } from '../core/process-key.ts';

/** What one observation said, and when (ms since boot). */
export type Observation = Pick<Evidence, 'ok' | 'detail'> & { readonly atMs: number };

/** Everything the supervisor holds of one instance. Only the supervisor's own files change it. */
export interface Instance {
  readonly id: InstanceId;
  assigned: AssignedInstance;
  claim: Claim;
  state: InstanceState;
  /** Identity of `assigned`. */
  wantedAs: string;
  /** Identity of what its latest run was started as. */
  ranAs: string | undefined;
  /** Placement and ordered restart that its latest run was started for. */
  ranEpoch: Epoch | undefined;
  ranNonce: number | undefined;
  /** `auto` ports it keeps, by name. */
  autoPorts: Readonly<Record<string, number>>;
  /** Ports of its latest run, by name. */
  ports: Readonly<Record<string, number>>;
  /** Alive, or ended and not yet swept. */
  run: Run | undefined;
  /** Why it waits, or with what it does without. */
  gate: { readonly waitsFor: readonly string[]; readonly without: readonly string[] };
  protocol: Observation | undefined;
  /** Last lines of output, while it is not well. */
  lastLines: readonly string[] | undefined;
  /** Effects of one instance are carried out one after the other. */
  effects: Promise<void>;
}

/** An instance that is newly known to this daemon. */
export function createInstance(
  assigned: AssignedInstance,
  options: {
    readonly claim: Claim;
    readonly state: InstanceState;
    readonly ranAs?: string | undefined;
    readonly autoPorts?: Readonly<Record<string, number>> | undefined;
  },
): Instance {
  return {
    id: assigned.instance,
    assigned,
    wantedAs: identify(assigned),
    claim: options.claim,
    state: options.state,
    ranAs: options.ranAs,
    ranEpoch: undefined,
    ranNonce: undefined,
    autoPorts: options.autoPorts ?? {},
    ports: {},
    run: undefined,
    gate: { waitsFor: [], without: [] },
    protocol: undefined,
    lastLines: undefined,
    effects: Promise.resolve(),
  };
}

/** The part of its spec that the state machine goes by. */
export function policyOf(assigned: AssignedInstance): InstancePolicy {
  const { restart, health } = assigned.spec;
  if (health === undefined) return { restart };
  return { restart, health: { startPeriodMs: health.startPeriod, failures: health.failures } };
}

/** Short form of what a run of this assignment is started as. */
export function identify(assigned: AssignedInstance): string {
  return createHash('sha256').update(toIdentity(assigned)).digest('hex').slice(0, 24);
}
