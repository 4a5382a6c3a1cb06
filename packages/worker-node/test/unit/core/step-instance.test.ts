import { describe, expect, it } from 'vitest';
import {
  emptyHistory,
  type ClaimedState,
  type History,
  type InstanceEvent,
  type InstancePolicy,
  type InstanceState,
} from '../../../src/core/instance-state.ts';
import { pickWakeMs, stepInstance } from '../../../src/core/step-instance.ts';

const NOW = 100_000;
const policy: InstancePolicy = {
  restart: {
    policy: 'on-failure',
    maxRestarts: 5,
    window: 300_000,
    backoff: { initial: 0, max: 60_000 },
  },
  health: { startPeriodMs: 30_000, failures: 3 },
};
const history: History = { ...emptyHistory, launches: 2 };
const common = { sinceMs: NOW - 500, history };
const live = { ...common, launch: 2, startedMs: NOW - 500 };

const states = {
  waiting: { ...common, status: 'waiting' },
  starting: { ...common, status: 'starting', launch: 3 },
  running: { ...live, status: 'running', isLate: false, wasReady: false },
  ready: { ...live, status: 'ready', failures: 0 },
  stopping: { ...common, status: 'stopping', after: 'stopped' },
  stopped: { ...common, status: 'stopped' },
  ended: { ...common, status: 'ended' },
  crashed: { ...common, status: 'crashed', retryAtMs: NOW },
  'crash-loop': { ...common, status: 'crash-loop' },
  unknown: { ...common, status: 'unknown', launch: 2, was: 'alive' },
  unclaimed: {
    status: 'unclaimed',
    sinceMs: NOW - 500,
    inner: { ...live, status: 'ready', failures: 0 },
  },
} as const satisfies Record<string, InstanceState>;

const exit = { evidence: 'shim', atMs: 1 };
const events = {
  go: { type: 'go' },
  blocked: { type: 'blocked', reason: 'port taken', retryInMs: 1000 },
  launched: { type: 'launched', launch: 3, startedMs: NOW },
  'launch-failed': { type: 'launch-failed', exit, jitter: 0.5 },
  'exited 0': { type: 'exited', launch: 2, exit: { ...exit, code: 0 }, jitter: 0.5 },
  'exited 1': { type: 'exited', launch: 2, exit: { ...exit, code: 1 }, jitter: 0.5 },
  'probe ok': { type: 'probed', ok: true },
  'probe fails': { type: 'probed', ok: false },
  tick: { type: 'tick' },
  stop: { type: 'stop', after: 'stopped' },
  restart: { type: 'stop', after: 'start' },
  remove: { type: 'stop', after: 'forget' },
  'tree ended': { type: 'tree-ended' },
  'tree stuck': { type: 'tree-stuck', left: [7], retryInMs: 1000 },
  reset: { type: 'reset' },
  found: { type: 'found', launch: 2, startedMs: NOW - 500 },
  missing: { type: 'missing', exit, jitter: 0.5 },
  unclaim: { type: 'unclaim' },
  claim: { type: 'claim' },
} as const satisfies Record<string, InstanceEvent>;

/** `STATE: effects`; a cell that is not there is `ignored`; `=` is the same state without effects. */
const table: Record<keyof typeof states, Partial<Record<keyof typeof events, string>>> = {
  waiting: {
    go: 'starting: launch',
    tick: '=',
    stop: 'stopped',
    restart: '=',
    remove: 'stopped: forget',
    reset: '=',
    unclaim: 'unclaimed',
    claim: '=',
  },
  starting: {
    blocked: 'waiting',
    launched: 'running: probe-on',
    'launch-failed': 'crashed',
    tick: '=',
    stop: 'stopping: end',
    restart: 'stopping: end',
    remove: 'stopping: end',
    reset: '=',
    unclaim: 'unclaimed',
    claim: '=',
  },
  running: {
    'exited 0': 'ended: probe-off sweep',
    'exited 1': 'crashed: probe-off sweep',
    'probe ok': 'ready',
    'probe fails': '=',
    tick: '=',
    stop: 'stopping: probe-off end',
    restart: 'stopping: probe-off end',
    remove: 'stopping: probe-off end',
    reset: '=',
    unclaim: 'unclaimed',
    claim: '=',
  },
  ready: {
    'exited 0': 'ended: probe-off sweep',
    'exited 1': 'crashed: probe-off sweep',
    'probe ok': '=',
    'probe fails': '=',
    tick: '=',
    stop: 'stopping: probe-off end',
    restart: 'stopping: probe-off end',
    remove: 'stopping: probe-off end',
    reset: '=',
    unclaim: 'unclaimed',
    claim: '=',
  },
  stopping: {
    blocked: '=',
    launched: '=',
    'launch-failed': '=',
    'exited 0': '=',
    'exited 1': '=',
    tick: '=',
    stop: '=',
    restart: '=',
    remove: '=',
    'tree ended': 'stopped',
    'tree stuck': '=',
    reset: '=',
    claim: '=',
  },
  stopped: {
    tick: '=',
    stop: '=',
    restart: 'waiting',
    remove: 'stopped: forget',
    reset: 'waiting',
    unclaim: 'unclaimed',
    claim: '=',
  },
  ended: {
    tick: '=',
    stop: 'stopped',
    restart: 'waiting',
    remove: 'stopped: forget',
    reset: 'waiting',
    unclaim: 'unclaimed',
    claim: '=',
  },
  crashed: {
    tick: 'starting: launch',
    stop: 'stopped',
    restart: 'waiting',
    remove: 'stopped: forget',
    reset: 'waiting',
    unclaim: 'unclaimed',
    claim: '=',
  },
  'crash-loop': {
    tick: '=',
    stop: 'stopped',
    restart: 'waiting',
    remove: 'stopped: forget',
    reset: 'waiting',
    unclaim: 'unclaimed',
    claim: '=',
  },
  unknown: {
    'exited 0': 'ended: sweep',
    'exited 1': 'crashed: sweep',
    tick: '=',
    stop: 'stopping: end',
    restart: 'stopping: end',
    remove: 'stopping: end',
    reset: '=',
    found: 'running: probe-on',
    missing: 'crashed',
    unclaim: 'unclaimed',
    claim: '=',
  },
  unclaimed: {
    'exited 0': 'unclaimed(ended): probe-off sweep',
    'exited 1': 'unclaimed(crashed): probe-off sweep',
    'probe ok': '=',
    'probe fails': '=',
    tick: '=',
    stop: 'stopping: probe-off end',
    restart: 'stopping: probe-off end',
    remove: 'stopping: probe-off end',
    reset: '=',
    claim: 'ready',
  },
};

function describeStep(before: InstanceState, event: InstanceEvent): string {
  const step = stepInstance(before, event, NOW, policy);
  if (step.ignored !== undefined) return 'ignored';
  const { state } = step;
  const effects = step.effects.map((effect) => effect.type).join(' ');
  const same = state.status === before.status && inner(state) === inner(before);
  if (same && effects === '') return '=';
  const hasOther = state.status === 'unclaimed' && before.status === 'unclaimed' && !same;
  const name = hasOther ? `unclaimed(${inner(state)})` : state.status;
  return effects === '' ? name : `${name}: ${effects}`;
}

function inner(state: InstanceState): string {
  return state.status === 'unclaimed' ? state.inner.status : state.status;
}

function at(state: InstanceState, event: InstanceEvent, nowMs = NOW): ClaimedState {
  const next = stepInstance(state, event, nowMs, policy).state;
  return next.status === 'unclaimed' ? next.inner : next;
}

describe('every state and event', () => {
  for (const [name, state] of Object.entries(states)) {
    it(`is decided in ${name}`, () => {
      const row = table[name as keyof typeof states];

      const decided = Object.fromEntries(
        Object.entries(events).map(([key, event]) => [key, describeStep(state, event)]),
      );

      expect(decided).toEqual(
        Object.fromEntries(
          Object.keys(events).map((key) => [key, row[key as keyof typeof events] ?? 'ignored']),
        ),
      );
    });
  }
});

describe('readiness', () => {
  it('needs a second of life where no probe is declared', () => {
    const bare = { ...policy, health: undefined };
    const running = stepInstance(states.starting, events.launched, NOW, bare).state;

    const early = stepInstance(running, events.tick, NOW + 999, bare).state;
    const later = stepInstance(running, events.tick, NOW + 1_000, bare).state;

    expect([early.status, later.status]).toEqual(['running', 'ready']);
    expect(pickWakeMs(running, bare)).toBe(NOW + 1_000);
  });

  it('ends after as many failing probes in a row as the spec says, and not before', () => {
    const once = at(states.ready, events['probe fails']);
    const twice = at(once, events['probe fails']);
    const recovered = at(twice, events['probe ok']);
    const thrice = at(twice, events['probe fails']);

    expect(recovered).toMatchObject({ status: 'ready', failures: 0 });
    expect(thrice).toMatchObject({ status: 'running', wasReady: true });
  });

  it('is named as late once, when the start period is over', () => {
    const lateAtMs = states.running.startedMs + 30_000;

    const before = stepInstance(states.running, events.tick, lateAtMs - 1, policy);
    const late = stepInstance(states.running, events.tick, lateAtMs, policy);
    const again = stepInstance(late.state, events.tick, lateAtMs + 1, policy);

    expect(before.effects).toEqual([]);
    expect(late).toMatchObject({ state: { status: 'running' }, effects: [{ type: 'late' }] });
    expect(again.effects).toEqual([]);
    expect(at(late.state, events['probe ok'])).toMatchObject({ status: 'ready' });
  });
});

describe('crashes', () => {
  it('restarts at once after the first, and waits longer after each', () => {
    const waits: number[] = [];
    let state: InstanceState = states.ready;

    for (let crash = 1; crash <= 4; crash += 1) {
      const number = 'launch' in state ? state.launch : 0;
      const crashed = at(state, { ...events['exited 1'], launch: number });
      waits.push((crashed.status === 'crashed' ? crashed.retryAtMs! : NaN) - NOW);
      const starting = at(crashed, events.tick, NOW + 60_000);
      state = at(starting, { ...events.launched, launch: number + 1 });
    }

    expect(waits).toEqual([0, 1_000, 2_000, 4_000]);
  });

  it('is a crash loop at any pace when no run between was proven', () => {
    const worn = { ...states.ready, history: { ...history, streak: 5, ends: 5 } };

    const unproven = at({ ...worn, sinceMs: NOW - 299_999 }, events['exited 1']);
    const proven = at({ ...worn, sinceMs: NOW - 300_000 }, events['exited 1']);

    expect(unproven.status).toBe('crash-loop');
    expect(proven).toMatchObject({ status: 'crashed', retryAtMs: NOW, history: { streak: 1 } });
  });

  it('leaves a crash loop by an order only', () => {
    const looping = { ...states['crash-loop'], history: { ...history, streak: 6, ends: 6 } };

    const later = at(looping, events.tick, NOW + 1e9);
    const ordered = at(looping, events.reset);

    expect(later.status).toBe('crash-loop');
    expect(ordered).toMatchObject({ status: 'waiting', history: { streak: 0, ends: 0 } });
  });

  it('is no restart under policy never, and exit 0 is one under always', () => {
    const never = { ...policy, restart: { ...policy.restart, policy: 'never' as const } };
    const always = { ...policy, restart: { ...policy.restart, policy: 'always' as const } };

    const crashed = stepInstance(states.ready, events['exited 1'], NOW, never).state;
    const ended = stepInstance(states.ready, events['exited 0'], NOW, always).state;

    expect(crashed).toMatchObject({ status: 'crashed' });
    expect(pickWakeMs(crashed, never)).toBeUndefined();
    expect(ended).toMatchObject({ status: 'ended', retryAtMs: NOW, history: { crashes: 0 } });
  });
});

describe('after the return of the daemon', () => {
  it('counts an exit that came meanwhile once, and an older one not at all', () => {
    const meanwhile = at(states.unknown, events['exited 1']);
    const older = at(states.unknown, { ...events['exited 1'], launch: 1 });

    expect(meanwhile).toMatchObject({ status: 'crashed', history: { crashes: 1 } });
    expect(older).toMatchObject({
      status: 'crashed',
      history: { crashes: 1, lastExit: { evidence: 'gone' } },
    });
    expect(at(meanwhile, events['exited 1'])).toBe(meanwhile);
  });

  it('does not count what was being stopped or was never started', () => {
    const stopping = at({ ...states.unknown, was: 'stopping' }, events['exited 1']);
    const starting = at({ ...states.unknown, was: 'starting', launch: 3 }, events.missing);

    expect(stopping).toMatchObject({ status: 'stopped', history: { crashes: 0 } });
    expect(starting).toMatchObject({ status: 'waiting', history: { crashes: 0 } });
  });
});
