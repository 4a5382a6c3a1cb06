import type { Incarnation, NodeState, PeerRole } from '@meshwork/shared';

/** What the main node knows of one accepted node. All times are observed milliseconds. */
export type Member =
  | {
      readonly status: 'unknown';
      readonly sinceMs: number;
      /** Heartbeats may arrive before the node's own connection says hello. */
      readonly heardAtMs?: number;
    }
  | {
      readonly status: 'alive' | 'not acting' | 'suspect';
      readonly incarnation: Incarnation;
      readonly heardAtMs: number;
    }
  | {
      readonly status: 'rejoining';
      readonly incarnation: Incarnation;
      readonly heardAtMs: number;
      readonly sinceMs: number;
    }
  | {
      readonly status: 'dead';
      /** Absent when it was never heard in this reign. */
      readonly incarnation?: Incarnation;
      readonly sinceMs: number;
    }
  | { readonly status: 'left'; readonly incarnation: Incarnation; readonly sinceMs: number };

/** Something that was heard of a node, or the passing of time. */
export type MemberEvent =
  | { readonly type: 'hello'; readonly role: PeerRole; readonly incarnation: Incarnation }
  | {
      readonly type: 'heartbeat';
      readonly incarnation: Incarnation;
      /** How long ago the node's event loop last turned. */
      readonly loopSilentMs: number;
    }
  | { readonly type: 'heard'; readonly incarnation: Incarnation }
  | { readonly type: 'closed'; readonly role: PeerRole; readonly incarnation: Incarnation }
  | { readonly type: 'left'; readonly incarnation: Incarnation }
  | { readonly type: 'tick' };

/** Lengths that decide; `config.detection`. */
export interface MemberPolicy {
  readonly suspectAfter: number;
  readonly deadAfter: number;
  readonly rejoinGrace: number;
  readonly startGrace: number;
  readonly notActingAfter: number;
}

/** What the caller has to do: ask the node now, or tell it that this incarnation was called dead. */
export type MemberEffect =
  | { readonly type: 'probe' }
  | { readonly type: 'tellCalledDead'; readonly incarnation: Incarnation };

/** The state after an event, and why an event changed nothing where it might have. */
export interface MemberStep {
  readonly member: Member;
  readonly effects: readonly MemberEffect[];
  readonly ignored?: string;
}

/** A node that was accepted, or is known from the store, and not heard yet. */
export function newMember(nowMs: number): Member {
  return { status: 'unknown', sinceMs: nowMs };
}

/** The word that people see. */
export function toNodeState(member: Member): NodeState {
  return member.status;
}

/**
 * Decides what one event says about one node; `docs/lifecycles/node.md` has the diagram.
 *
 * Pure. `nowMs` is observed time, so that a stall of the main node kills nobody. `dead` is final for an incarnation.
 */
export function stepMember(
  member: Member,
  event: MemberEvent,
  nowMs: number,
  policy: MemberPolicy,
): MemberStep {
  switch (event.type) {
    case 'tick':
      return onTick(member, nowMs, policy);
    case 'hello':
      return onHello(member, event, nowMs);
    case 'heartbeat':
      return onHeartbeat(member, event, nowMs, policy);
    case 'heard':
      return onHeard(member, event.incarnation, nowMs);
    case 'closed':
      return onClosed(member, event, nowMs);
    case 'left':
      return onLeft(member, event.incarnation, nowMs);
    default:
      return event satisfies never;
  }
}

function onTick(member: Member, nowMs: number, policy: MemberPolicy): MemberStep {
  switch (member.status) {
    case 'unknown': {
      const isSilent =
        member.heardAtMs === undefined || nowMs - member.heardAtMs >= policy.deadAfter;
      if (nowMs - member.sinceMs < policy.startGrace || !isSilent) return stay(member);
      return to({ status: 'dead', sinceMs: nowMs });
    }
    case 'alive':
    case 'not acting':
      if (nowMs - member.heardAtMs < policy.suspectAfter) return stay(member);
      return to({ ...member, status: 'suspect' }, { type: 'probe' });
    case 'suspect':
      if (nowMs - member.heardAtMs < policy.deadAfter) return stay(member);
      return to({ status: 'dead', incarnation: member.incarnation, sinceMs: nowMs });
    case 'rejoining': {
      const isSilent = nowMs - member.heardAtMs >= policy.deadAfter;
      if (nowMs - member.sinceMs < policy.rejoinGrace || !isSilent) return stay(member);
      return to({ status: 'dead', incarnation: member.incarnation, sinceMs: nowMs });
    }
    case 'dead':
    case 'left':
      return stay(member);
    default:
      return member satisfies never;
  }
}

function onHello(
  member: Member,
  event: Extract<MemberEvent, { type: 'hello' }>,
  nowMs: number,
): MemberStep {
  const { incarnation, role } = event;
  const known = incarnationOf(member);
  if (member.status === 'dead' && (known === undefined || incarnation <= known)) {
    // Called dead unheard: the first incarnation that speaks is the one that was meant.
    const dead = known ?? incarnation;
    return to({ ...member, incarnation: dead }, { type: 'tellCalledDead', incarnation: dead });
  }
  if (known !== undefined && incarnation < known) {
    return {
      member,
      effects: [{ type: 'tellCalledDead', incarnation: known }],
      ignored: `incarnation ${incarnation} is older than ${known}`,
    };
  }
  if (role === 'node') return to({ status: 'alive', incarnation, heardAtMs: nowMs });
  return heardBeside(member, nowMs);
}

function onHeartbeat(
  member: Member,
  event: Extract<MemberEvent, { type: 'heartbeat' }>,
  nowMs: number,
  policy: MemberPolicy,
): MemberStep {
  const { incarnation, loopSilentMs } = event;
  const known = incarnationOf(member);
  const isActing = loopSilentMs < policy.notActingAfter;
  switch (member.status) {
    case 'unknown':
      // Not alive yet: nothing can be sent to it before its own connection says hello.
      return to({ ...member, heardAtMs: nowMs });
    case 'alive':
    case 'not acting':
    case 'suspect':
      if (known !== incarnation) return notOf(member, incarnation);
      return to({
        status: isActing ? 'alive' : 'not acting',
        incarnation,
        heardAtMs: nowMs,
      });
    case 'rejoining':
      if (known !== incarnation) return notOf(member, incarnation);
      return to({ ...member, heardAtMs: nowMs });
    case 'dead': {
      if (known !== undefined && incarnation > known) return notOf(member, incarnation);
      const dead = known ?? incarnation;
      return to({ ...member, incarnation: dead }, { type: 'tellCalledDead', incarnation: dead });
    }
    case 'left':
      return { member, effects: [], ignored: 'it said that it ends' };
    default:
      return member satisfies never;
  }
}

function onHeard(member: Member, incarnation: Incarnation, nowMs: number): MemberStep {
  const known = incarnationOf(member);
  if (known !== incarnation) return notOf(member, incarnation);
  switch (member.status) {
    case 'alive':
    case 'not acting':
      return to({ ...member, heardAtMs: nowMs });
    case 'suspect':
      return to({ ...member, status: 'alive', heardAtMs: nowMs });
    case 'rejoining':
      return to({ ...member, heardAtMs: nowMs });
    case 'dead':
      return to(member, { type: 'tellCalledDead', incarnation });
    case 'unknown':
    case 'left':
      return stay(member);
    default:
      return member satisfies never;
  }
}

function onClosed(
  member: Member,
  event: Extract<MemberEvent, { type: 'closed' }>,
  nowMs: number,
): MemberStep {
  switch (member.status) {
    case 'alive':
    case 'not acting':
    case 'suspect':
      if (event.incarnation !== member.incarnation) return notOf(member, event.incarnation);
      // The heartbeat's own connection alone says nothing: its thread reconnects, or falls silent.
      if (event.role !== 'node') return stay(member);
      return to({ ...member, status: 'rejoining', sinceMs: nowMs });
    case 'unknown':
    case 'rejoining':
    case 'dead':
    case 'left':
      return stay(member);
    default:
      return member satisfies never;
  }
}

function onLeft(member: Member, incarnation: Incarnation, nowMs: number): MemberStep {
  const known = incarnationOf(member);
  if (known !== undefined && known !== incarnation) return notOf(member, incarnation);
  if (member.status === 'dead') return { member, effects: [], ignored: 'it was called dead' };
  if (member.status === 'left') return stay(member);
  return to({ status: 'left', incarnation, sinceMs: nowMs });
}

/** A hello of the heartbeat's connection: the machine lives, the node itself has still to say hello. */
function heardBeside(member: Member, nowMs: number): MemberStep {
  switch (member.status) {
    case 'unknown':
    case 'rejoining':
      return to({ ...member, heardAtMs: nowMs });
    case 'alive':
    case 'not acting':
      return to({ ...member, heardAtMs: nowMs });
    case 'suspect':
      return to({ ...member, status: 'alive', heardAtMs: nowMs });
    case 'dead':
    case 'left':
      return stay(member);
    default:
      return member satisfies never;
  }
}

function incarnationOf(member: Member): Incarnation | undefined {
  return member.status === 'unknown' ? undefined : member.incarnation;
}

function notOf(member: Member, incarnation: Incarnation): MemberStep {
  return {
    member,
    effects: [],
    ignored: `incarnation ${incarnation} is not the one that is bound (${incarnationOf(member) ?? 'none'})`,
  };
}

function stay(member: Member): MemberStep {
  return { member, effects: [] };
}

function to(member: Member, ...effects: readonly MemberEffect[]): MemberStep {
  return { member, effects };
}
