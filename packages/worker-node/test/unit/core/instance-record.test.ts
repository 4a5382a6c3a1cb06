import { describe, expect, it } from 'vitest';
import { fromRecord, InstanceRecord, toRecord } from '../../../src/core/instance-record.ts';
import { emptyHistory, type InstanceState } from '../../../src/core/instance-state.ts';

const history = { ...emptyHistory, launches: 4, crashes: 2, streak: 2, ends: 2 };
const common = { sinceMs: 50, history };
const live = { ...common, launch: 4, startedMs: 10 };
const rest = { bootId: 'boot-1', autoPorts: { http: 20_000 } };

const states: readonly InstanceState[] = [
  { ...common, status: 'waiting' },
  { ...common, status: 'starting', launch: 5 },
  { ...live, status: 'running', isLate: true, wasReady: false },
  { ...live, status: 'ready', failures: 0 },
  { ...common, status: 'stopping', after: 'start' },
  { ...common, status: 'stopped' },
  { ...common, status: 'ended' },
  { ...common, status: 'crashed', retryAtMs: 99 },
  { ...common, status: 'crash-loop' },
  { ...common, status: 'unknown', launch: 4, was: 'alive' },
  { status: 'unclaimed', sinceMs: 50, inner: { ...live, status: 'ready', failures: 0 } },
];

function back(state: InstanceState, bootId: string): InstanceState {
  const record = InstanceRecord.parse(JSON.parse(JSON.stringify(toRecord(state, rest))));
  return fromRecord(record, bootId, 1_000);
}

const statusOf = (state: InstanceState) =>
  state.status === 'unclaimed' ? `unclaimed ${state.inner.status}` : state.status;

describe('the next daemon', () => {
  it('looks for what may live, and goes on with what does not', () => {
    expect(states.map((state) => statusOf(back(state, 'boot-1')))).toEqual([
      'waiting',
      'unknown',
      'unknown',
      'unknown',
      'unknown',
      'stopped',
      'ended',
      'crashed',
      'crash-loop',
      'unknown',
      'unclaimed unknown',
    ]);
    expect(back(states[7]!, 'boot-1')).toMatchObject({ retryAtMs: 99, history });
    expect(back(states[1]!, 'boot-1')).toMatchObject({ launch: 5, was: 'starting' });
  });

  it('starts everything from the beginning after a reboot, with the counts but without old crashes', () => {
    const after = states.map((state) => back(state, 'boot-2'));

    expect(after.map(statusOf)).toEqual([
      ...Array.from({ length: 5 }, () => 'waiting'),
      'stopped',
      ...Array.from({ length: 4 }, () => 'waiting'),
      'unclaimed waiting',
    ]);
    expect(after[0]).toMatchObject({ history: { crashes: 2, streak: 0, ends: 0 } });
  });
});
