import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  claimedPart,
  createInstanceState,
  type InstanceEffect,
  type InstanceEvent,
  type InstancePolicy,
  type InstanceState,
} from '../../../src/core/instance-state.ts';
import { fromRecord, toRecord } from '../../../src/core/instance-record.ts';
import { pickWakeMs, stepInstance } from '../../../src/core/step-instance.ts';

const policy: InstancePolicy = {
  restart: {
    policy: 'on-failure',
    maxRestarts: 3,
    window: 20_000,
    backoff: { initial: 0, max: 5_000 },
  },
  health: { startPeriodMs: 3_000, failures: 2 },
};
const rest = { bootId: 'boot', autoPorts: {} };

/** Somebody who carries out effects as the runtime does: one after the other, and they take their time. */
class World {
  nowMs = 0;
  state: InstanceState = createInstanceState(0);
  queue: InstanceEffect[] = [];
  run: { launch: number; alive: boolean } | undefined;
  crashes = 0;
  isForgotten = false;

  tell(event: InstanceEvent): void {
    const step = stepInstance(this.state, event, this.nowMs, policy);
    this.state = step.state;
    this.queue.push(...step.effects);
  }

  carryOutNext(): void {
    const effect = this.queue.shift();
    switch (effect?.type) {
      case 'launch': {
        const inner = claimedPart(this.state);
        if (inner.status !== 'starting' || inner.launch !== effect.launch) return;
        expect(this.run, 'nothing of it runs when it is launched').toBeUndefined();
        this.run = { launch: effect.launch, alive: true };
        return this.tell({ type: 'launched', launch: effect.launch, startedMs: this.nowMs });
      }
      case 'end':
        if (this.run?.alive === true) this.exit(143);
        this.run = undefined;
        return this.tell({ type: 'tree-ended' });
      case 'sweep':
        expect(this.run?.alive, 'only what has ended is swept').not.toBe(true);
        this.run = undefined;
        return;
      case 'forget':
        this.isForgotten = claimedPart(this.state).status === 'stopped';
        return;
      default:
        return;
    }
  }

  exit(code: number): void {
    if (this.run?.alive !== true) return;
    this.run.alive = false;
    const { launch } = this.run;
    // A crash is what ends badly while nobody asked it to end.
    if (code !== 0 && claimedPart(this.state).status !== 'stopping') this.crashes += 1;
    const exit = { code, evidence: 'shim', atMs: 0 };
    this.tell({ type: 'exited', launch, exit, jitter: 0.5 });
    this.tell({ type: 'exited', launch, exit, jitter: 0.5 });
  }

  restartDaemon(): void {
    this.queue = [];
    this.state = fromRecord(toRecord(this.state, rest), 'boot', this.nowMs);
    const inner = claimedPart(this.state);
    if (this.run !== undefined && inner.status === 'unknown') {
      const { launch, alive } = this.run;
      if (alive) this.tell({ type: 'found', launch, startedMs: this.nowMs });
      else
        this.tell({
          type: 'exited',
          launch,
          exit: { code: 1, evidence: 'shim', atMs: 0 },
          jitter: 0,
        });
    } else {
      if (this.run !== undefined) this.run = undefined;
      if (inner.status === 'unknown') {
        if (inner.was === 'alive') this.crashes += 1;
        this.tell({ type: 'missing', exit: { evidence: 'gone', atMs: 0 }, jitter: 0 });
      }
    }
  }
}

const acts = fc.oneof(
  { weight: 6, arbitrary: fc.constant('effect' as const) },
  { weight: 2, arbitrary: fc.constantFrom('go', 'exit 0', 'exit 1', 'probe ok', 'probe fails') },
  { weight: 2, arbitrary: fc.constant('time' as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('stop', 'restart', 'reset', 'unclaim', 'claim', 'daemon', 'remove'),
  },
);

function act(world: World, name: string): void {
  switch (name) {
    case 'effect':
      return world.carryOutNext();
    case 'go':
      return world.tell({ type: 'go' });
    case 'exit 0':
      return world.exit(0);
    case 'exit 1':
      return world.exit(1);
    case 'probe ok':
    case 'probe fails':
      return world.run?.alive === true
        ? world.tell({ type: 'probed', ok: name === 'probe ok' })
        : undefined;
    case 'time':
      world.nowMs = Math.max(world.nowMs + 500, pickWakeMs(world.state, policy) ?? 0);
      return world.tell({ type: 'tick' });
    case 'stop':
      return world.tell({ type: 'stop', after: 'stopped' });
    case 'restart':
      return world.tell({ type: 'stop', after: 'start' });
    case 'remove':
      return world.tell({ type: 'stop', after: 'forget' });
    case 'reset':
    case 'unclaim':
    case 'claim':
      return world.tell({ type: name });
    case 'daemon':
      return world.restartDaemon();
    default:
      throw new Error(name);
  }
}

it('never runs twice, counts each crash once, and ends what it forgets, whatever happens when', () => {
  fc.assert(
    fc.property(fc.array(acts, { maxLength: 120 }), (names) => {
      const world = new World();
      for (const name of names) {
        act(world, name);
        const { history } = claimedPart(world.state);
        expect(history.crashes).toBe(world.crashes);
        if (world.isForgotten) {
          expect(world.run).toBeUndefined();
          return;
        }
      }
    }),
    { numRuns: 500 },
  );
});

it('comes to rest, or runs, once nothing more is ordered', () => {
  fc.assert(
    fc.property(fc.array(acts, { maxLength: 60 }), (names) => {
      const world = new World();
      for (const name of names) act(world, name);
      for (let turn = 0; turn < 100; turn += 1) {
        act(world, 'effect');
        act(world, 'time');
        act(world, 'go');
        act(world, 'probe ok');
      }
      if (world.isForgotten) return;
      const { status } = claimedPart(world.state);
      expect(['ready', 'stopped', 'ended', 'crash-loop']).toContain(status);
      expect(world.run?.alive === true).toBe(status === 'ready');
    }),
    { numRuns: 300 },
  );
});
