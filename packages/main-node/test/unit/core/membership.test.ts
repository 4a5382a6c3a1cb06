import type { Incarnation } from '@meshwork/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  newMember,
  stepMember,
  type Member,
  type MemberEvent,
  type MemberPolicy,
} from '../../../src/core/membership.ts';

const policy: MemberPolicy = {
  suspectAfter: 1_000,
  deadAfter: 2_000,
  rejoinGrace: 15_000,
  startGrace: 15_000,
  notActingAfter: 5_000,
};

const one: Incarnation = 1;
const two: Incarnation = 2;
const heardAtMs = 100_000;

const states = {
  unknown: { status: 'unknown', sinceMs: heardAtMs },
  alive: { status: 'alive', incarnation: two, heardAtMs },
  'not acting': { status: 'not acting', incarnation: two, heardAtMs },
  suspect: { status: 'suspect', incarnation: two, heardAtMs },
  rejoining: { status: 'rejoining', incarnation: two, heardAtMs, sinceMs: heardAtMs },
  dead: { status: 'dead', incarnation: two, sinceMs: heardAtMs },
  left: { status: 'left', incarnation: two, sinceMs: heardAtMs },
} as const satisfies Record<string, Member>;

const events = {
  hello: { type: 'hello', role: 'node', incarnation: two },
  helloOlder: { type: 'hello', role: 'node', incarnation: one },
  helloNewer: { type: 'hello', role: 'node', incarnation: 3 },
  helloBeside: { type: 'hello', role: 'heartbeat', incarnation: two },
  beat: { type: 'heartbeat', incarnation: two, loopSilentMs: 10 },
  beatStuck: { type: 'heartbeat', incarnation: two, loopSilentMs: 5_000 },
  heard: { type: 'heard', incarnation: two },
  closed: { type: 'closed', role: 'node', incarnation: two },
  closedBeside: { type: 'closed', role: 'heartbeat', incarnation: two },
  left: { type: 'left', incarnation: two },
} as const satisfies Record<string, MemberEvent>;

type StateName = keyof typeof states;
type EventName = keyof typeof events;

/** What each event makes of each state; `!` where the node has to be told that it was called dead. */
const table: Record<StateName, Record<EventName, string>> = {
  unknown: {
    hello: 'alive',
    helloOlder: 'alive',
    helloNewer: 'alive',
    helloBeside: 'unknown',
    beat: 'unknown',
    beatStuck: 'unknown',
    heard: 'unknown',
    closed: 'unknown',
    closedBeside: 'unknown',
    left: 'left',
  },
  alive: {
    hello: 'alive',
    helloOlder: 'alive!',
    helloNewer: 'alive',
    helloBeside: 'alive',
    beat: 'alive',
    beatStuck: 'not acting',
    heard: 'alive',
    closed: 'rejoining',
    closedBeside: 'alive',
    left: 'left',
  },
  'not acting': {
    hello: 'alive',
    helloOlder: 'not acting!',
    helloNewer: 'alive',
    helloBeside: 'not acting',
    beat: 'alive',
    beatStuck: 'not acting',
    heard: 'not acting',
    closed: 'rejoining',
    closedBeside: 'not acting',
    left: 'left',
  },
  suspect: {
    hello: 'alive',
    helloOlder: 'suspect!',
    helloNewer: 'alive',
    helloBeside: 'alive',
    beat: 'alive',
    beatStuck: 'not acting',
    heard: 'alive',
    closed: 'rejoining',
    closedBeside: 'suspect',
    left: 'left',
  },
  rejoining: {
    hello: 'alive',
    helloOlder: 'rejoining!',
    helloNewer: 'alive',
    helloBeside: 'rejoining',
    beat: 'rejoining',
    beatStuck: 'rejoining',
    heard: 'rejoining',
    closed: 'rejoining',
    closedBeside: 'rejoining',
    left: 'left',
  },
  dead: {
    hello: 'dead!',
    helloOlder: 'dead!',
    helloNewer: 'alive',
    helloBeside: 'dead!',
    beat: 'dead!',
    beatStuck: 'dead!',
    heard: 'dead!',
    closed: 'dead',
    closedBeside: 'dead',
    left: 'dead',
  },
  left: {
    hello: 'alive',
    helloOlder: 'left!',
    helloNewer: 'alive',
    helloBeside: 'left',
    beat: 'left',
    beatStuck: 'left',
    heard: 'left',
    closed: 'left',
    closedBeside: 'left',
    left: 'left',
  },
};

function outcome(member: Member, event: MemberEvent): string {
  const step = stepMember(member, event, heardAtMs + 500, policy);
  const isTold = step.effects.some(({ type }) => type === 'tellCalledDead');
  return `${step.member.status}${isTold ? '!' : ''}`;
}

describe('stepMember', () => {
  for (const [from, row] of Object.entries(table)) {
    it(`makes of a node that is ${from} what the table says`, () => {
      const seen = Object.fromEntries(
        Object.entries(events).map(([name, event]) => [
          name,
          outcome(states[from as StateName], event),
        ]),
      );
      expect(seen).toEqual(row);
    });
  }

  const tickAt = (member: Member, laterMs: number): string => {
    const { member: after, effects } = stepMember(
      member,
      { type: 'tick' },
      heardAtMs + laterMs,
      policy,
    );
    return [after.status, ...effects.map(({ type }) => type)].join(' ');
  };

  it('suspects after 1 s of silence, asks then, and calls dead after 2 s', () => {
    expect(tickAt(states.alive, 999)).toBe('alive');
    expect(tickAt(states.alive, 1_000)).toBe('suspect probe');
    expect(tickAt(states.suspect, 1_999)).toBe('suspect');
    expect(tickAt(states.suspect, 2_000)).toBe('dead');
  });

  it('waits 15 s for a daemon whose machine closed the connection', () => {
    expect(tickAt(states.rejoining, 14_999)).toBe('rejoining');
    expect(tickAt(states.rejoining, 15_000)).toBe('dead');
  });

  it('calls nobody dead that it has not heard for 15 s after its start', () => {
    expect(tickAt(states.unknown, 14_999)).toBe('unknown');
    expect(tickAt(states.unknown, 15_000)).toBe('dead');
  });

  it('does not call a node dead whose heartbeat is heard', () => {
    const rejoining: Member = { ...states.rejoining, heardAtMs: heardAtMs + 15_000 };
    const unknown: Member = { ...states.unknown, heardAtMs: heardAtMs + 15_000 };
    expect(tickAt(rejoining, 16_000)).toBe('rejoining');
    expect(tickAt(unknown, 16_000)).toBe('unknown');
  });

  it('takes the first incarnation of a node that was called dead unheard as the dead one', () => {
    const unheard: Member = { status: 'dead', sinceMs: heardAtMs };
    const told = stepMember(unheard, events.hello, heardAtMs, policy);
    expect(told.effects).toEqual([{ type: 'tellCalledDead', incarnation: two }]);
    expect(stepMember(told.member, events.hello, heardAtMs, policy).member.status).toBe('dead');
    expect(stepMember(told.member, events.helloNewer, heardAtMs, policy).member.status).toBe(
      'alive',
    );
  });

  it('never revives an incarnation that was called dead, whatever is heard', () => {
    const anyEvent = fc.oneof(
      fc.record({
        type: fc.constant('hello' as const),
        role: fc.constantFrom('node' as const, 'heartbeat' as const),
        incarnation: fc.nat(5),
      }),
      fc.record({
        type: fc.constant('heartbeat' as const),
        incarnation: fc.nat(5),
        loopSilentMs: fc.nat(10_000),
      }),
      fc.record({
        type: fc.constantFrom('heard' as const, 'left' as const),
        incarnation: fc.nat(5),
      }),
      fc.record({
        type: fc.constant('closed' as const),
        role: fc.constantFrom('node' as const, 'heartbeat' as const),
        incarnation: fc.nat(5),
      }),
      fc.constant({ type: 'tick' as const }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(anyEvent, fc.nat(4_000)), { maxLength: 60 }), (history) => {
        let member = newMember(0);
        let nowMs = 0;
        let dead = -1;
        for (const [event, laterMs] of history) {
          nowMs += laterMs;
          member = stepMember(member, event, nowMs, policy).member;
          if (member.status === 'dead') dead = Math.max(dead, member.incarnation ?? dead);
          else if (member.status !== 'unknown') expect(member.incarnation).toBeGreaterThan(dead);
        }
      }),
    );
  });
});
