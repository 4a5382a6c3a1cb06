import { expect, test } from 'vitest';
import type { LinkHello } from '@meshwork/shared';
import { stepLink, type LinkEvent, type LinkState } from '../../../src/core/step-link.ts';

const hello: LinkHello = {
  kind: 'hello',
  protocol: { min: 1, max: 1 },
  token: 'not looked at here',
  pid: 7,
  sdk: { language: 'typescript', version: '1' },
  actions: ['search'],
  ready: false,
};

function helloFrom(peer: string, changes: Partial<LinkHello> = {}): LinkEvent {
  return { type: 'hello', peer, hello: { ...hello, ...changes }, hasToken: true };
}

function run(...events: readonly LinkEvent[]): ReturnType<typeof stepLink> {
  let step: ReturnType<typeof stepLink> = { state: { status: 'open' }, effects: [] };
  for (const event of events) step = stepLink(step.state, event);
  return step;
}

test('a hello with the token connects', () => {
  const { state, effects } = run(helloFrom('a'));

  expect(state).toMatchObject({ status: 'connected', agent: { peer: 'a', isReady: false } });
  expect(effects).toEqual([{ type: 'welcome', peer: 'a', protocol: 1 }]);
});

test.each<[string, LinkEvent, string]>([
  ['without the token', { ...helloFrom('b'), hasToken: false } as LinkEvent, 'token'],
  ['of a newer protocol', helloFrom('b', { protocol: { min: 2, max: 3 } }), 'protocol'],
])('a hello %s is refused, and the connection that stands stays', (_name, event, why) => {
  const { state, effects } = run(helloFrom('a'), event);

  expect(state).toMatchObject({ status: 'connected', agent: { peer: 'a' } });
  expect(effects).toEqual([{ type: 'refuse', peer: 'b', why }]);
});

test('agrees on the highest version that both ends speak', () => {
  const { effects } = run(helloFrom('a', { protocol: { min: 1, max: 9 } }));

  expect(effects).toEqual([{ type: 'welcome', peer: 'a', protocol: 1 }]);
});

test('a new connection of the same process keeps its calls; of another process it ends them', () => {
  const same = run(helloFrom('a'), helloFrom('b'));
  const other = run(helloFrom('a'), helloFrom('b', { pid: 8 }));
  const returned = run(helloFrom('a'), { type: 'gone', peer: 'a' }, helloFrom('b', { pid: 8 }));

  expect(same.effects.map(({ type }) => type)).toEqual(['welcome']);
  expect(other.effects).toEqual([
    { type: 'welcome', peer: 'b', protocol: 1 },
    { type: 'give-up-calls' },
    { type: 'refuse', peer: 'a', why: 'replaced' },
  ]);
  expect(returned.effects.map(({ type }) => type)).toEqual(['welcome', 'give-up-calls']);
});

test('readiness is told once, when it is said or comes with a hello', () => {
  const ready: LinkEvent = { type: 'ready', peer: 'a' };

  expect(run(helloFrom('a'), ready).effects).toEqual([{ type: 'tell-ready' }]);
  expect(run(helloFrom('a'), ready, ready).effects).toEqual([]);
  expect(run(helloFrom('a', { ready: true })).effects.at(-1)).toEqual({ type: 'tell-ready' });
});

test('not ready keeps its reason until the agent is ready again', () => {
  const down: LinkEvent = { type: 'not-ready', peer: 'a', reason: 'the disk is full' };

  expect(run(helloFrom('a'), down).state).toMatchObject({
    agent: { isReady: false, notReadyReason: 'the disk is full' },
  });
  const { state } = run(helloFrom('a'), down, { type: 'ready', peer: 'a' });
  expect(state.status === 'connected' && state.agent.notReadyReason).toBeUndefined();
});

test.each<LinkState>([{ status: 'open' }, run(helloFrom('a')).state])(
  'a connection that does not speak for the instance changes nothing and is asked for its hello',
  (state) => {
    for (const type of ['ready', 'frame'] as const) {
      expect(stepLink(state, { type, peer: 'x' })).toEqual({
        state,
        effects: [{ type: 'ask-hello', peer: 'x' }],
      });
    }
    for (const type of ['bye', 'gone'] as const) {
      expect(stepLink(state, { type, peer: 'x' })).toEqual({ state, effects: [] });
    }
  },
);

test('goodbye ends the calls, a lost connection leaves them to their deadlines', () => {
  expect(run(helloFrom('a'), { type: 'bye', peer: 'a' })).toEqual({
    state: { status: 'open' },
    effects: [{ type: 'give-up-calls' }],
  });
  expect(run(helloFrom('a'), { type: 'gone', peer: 'a' })).toEqual({
    state: { status: 'open', lastPid: 7 },
    effects: [],
  });
});
