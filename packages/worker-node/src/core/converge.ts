import type { AssignedInstance } from '@meshwork/shared';
import { claimedPart, isAlive, type InstanceEvent, type InstanceState } from './instance-state.ts';

/** How an instance stands in the desired state. */
export type Claim = 'claimed' | 'unclaimed' | 'leaving';

/** One instance: what is wanted, and what there is. */
export interface Convergence {
  readonly assigned: AssignedInstance;
  readonly claim: Claim;
  readonly state: InstanceState;
  /** Identity of what is wanted, see `toIdentity`. */
  readonly wantedAs: string;
  /** Identity of what its latest run was started as; absent when it never ran. */
  readonly ranAs?: string | undefined;
}

/** An order for one instance; `stop` of something alive waits for its dependants first where they are stopped, too. */
export type Order = Extract<InstanceEvent, { type: 'stop' | 'reset' | 'claim' | 'unclaim' }>;

/**
 * The next event that brings an instance towards what is wanted; undefined when it is there or on its way.
 *
 * Level-triggered: looks only at the two states, so it may be asked at any time and as often as one likes.
 */
export function pickOrder(subject: Convergence): Order | undefined {
  const { assigned, claim, state } = subject;
  if (claim === 'leaving') return stopUnless(state, 'forget');
  if (claim === 'unclaimed') {
    return state.status === 'unclaimed' || state.status === 'stopping'
      ? undefined
      : { type: 'unclaim' };
  }
  if (state.status === 'unclaimed') return { type: 'claim' };
  if (assigned.desired === 'stop') return stopUnless(state, 'stopped');
  if (state.status === 'stopping') return state.after === 'start' ? undefined : { type: 'reset' };
  if (state.status === 'stopped') return { type: 'reset' };
  const isOther = subject.ranAs !== undefined && subject.ranAs !== subject.wantedAs;
  if (!isOther || state.status === 'waiting') return undefined;
  return isAlive(state) ? { type: 'stop', after: 'start' } : { type: 'reset' };
}

function stopUnless(state: InstanceState, after: 'stopped' | 'forget'): Order | undefined {
  const inner = claimedPart(state);
  if (inner.status === 'stopping' && inner.after !== 'start') {
    return inner.after === after || after === 'stopped' ? undefined : { type: 'stop', after };
  }
  if (inner.status === 'stopped' && (after === 'stopped' || inner.isLeaving === true)) {
    return undefined;
  }
  return { type: 'stop', after };
}

/** While the node drains, everything stops, whatever is wanted of it afterwards. */
export function pickDrainOrder(state: InstanceState): Order | undefined {
  return stopUnless(state, 'stopped');
}
