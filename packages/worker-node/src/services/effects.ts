import type { Clock, InstanceId, LastExit, Logger, Random, Run } from '@meshwork/shared';
import { claimedPart, type InstanceEffect, type InstanceEvent } from '../core/instance-state.ts';
import type { Instance } from './instance.ts';
import type { LaunchOutcome } from './launcher.ts';
import type { Prober } from './ports.ts';

/** What carrying out effects needs from outside. */
export interface EffectDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly prober: Prober;
  /** At most so many launches at a time. */
  readonly slots: { run<T>(work: () => Promise<T>): Promise<T> };
  launch(instance: Instance, launch: number): Promise<LaunchOutcome>;
  /** The end of an instance's output. */
  readLastLines(instance: InstanceId): Promise<readonly string[]>;
  /** Aborts when the daemon ends: what is cut off then is for the next daemon to find, and counts as nothing. */
  readonly stopping: AbortSignal;
  /** It is about to be asked to end: it may finish what it works on. */
  beforeStop(instance: InstanceId): void;
  /** Steps an instance. */
  apply(instance: Instance, event: InstanceEvent): void;
  /** An observation was made that its state does not show. */
  onObserved(instance: Instance): void;
  /** Nothing of it is left. */
  forget(instance: Instance): Promise<void>;
}

/** How long a port that somebody holds is left alone before the next look. */
const BLOCKED_RETRY_MS = 1_000;
/** How long processes that could not be ended are left alone before the next try. */
const STUCK_RETRY_MS = 5_000;

/** Carries out what `stepInstance` decided, and tells it what came of it. Decides nothing, never rejects. */
export function createEffects(deps: EffectDeps): {
  carryOut(instance: Instance, effect: InstanceEffect): Promise<void>;
  /** Binds a run to its instance: its end becomes an event. */
  bind(instance: Instance, run: Run, launch: number): void;
  /** Probes a living instance as its new spec says. */
  rewatch(instance: Instance): void;
} {
  const { clock, logger, prober, random } = deps;

  async function carryOut(instance: Instance, effect: InstanceEffect): Promise<void> {
    try {
      await perform(instance, effect);
    } catch (err) {
      logger.error({ instance: instance.id, effect: effect.type, err }, 'effect failed');
    }
  }

  async function perform(instance: Instance, effect: InstanceEffect): Promise<void> {
    switch (effect.type) {
      case 'launch':
        return deps.slots.run(() => launch(instance, effect.launch));
      case 'end':
        return end(instance);
      case 'sweep':
        return sweep(instance);
      case 'probe-on':
        return watch(instance);
      case 'probe-off':
        instance.protocol = undefined;
        prober.unwatch(instance.id);
        return;
      case 'late':
        return readLastLines(instance);
      case 'forget':
        return deps.forget(instance);
      default:
        return effect satisfies never;
    }
  }

  async function launch(instance: Instance, number: number): Promise<void> {
    const inner = claimedPart(instance.state);
    // A stop that was ordered while this waited for its slot has an `end` behind it.
    if (inner.status !== 'starting' || inner.launch !== number) return;
    instance.ranAs = instance.wantedAs;
    instance.ranEpoch = instance.assigned.epoch;
    instance.ranNonce = instance.assigned.nonce;
    const outcome = await deps.launch(instance, number);
    switch (outcome.type) {
      case 'launched':
        instance.ports = outcome.ports;
        bind(instance, outcome.run, number);
        deps.apply(instance, { type: 'launched', launch: number, startedMs: clock.boot() });
        return;
      case 'blocked': {
        const { reason } = outcome;
        return deps.apply(instance, { type: 'blocked', reason, retryInMs: BLOCKED_RETRY_MS });
      }
      case 'failed': {
        if (deps.stopping.aborted) return;
        const { code, message } = outcome.error;
        logger.warn({ instance: instance.id, code, err: outcome.error }, 'instance not started');
        const exit: LastExit = { evidence: `not started: ${message}`, atMs: clock.now() };
        return deps.apply(instance, { type: 'launch-failed', exit, jitter: random.next() });
      }
      default:
        return outcome satisfies never;
    }
  }

  function bind(instance: Instance, run: Run, launch: number): void {
    instance.run = run;
    void run.exit.then((exit) => {
      if (instance.run !== run || deps.stopping.aborted) return;
      deps.apply(instance, { type: 'exited', launch, exit, jitter: random.next() });
    });
  }

  async function end(instance: Instance): Promise<void> {
    const { run } = instance;
    if (run === undefined) return deps.apply(instance, { type: 'tree-ended' });
    const { signal, grace } = instance.assigned.spec.stop;
    deps.beforeStop(instance.id);
    const tree = await run.end({ signal, graceMs: grace });
    if (deps.stopping.aborted) return;
    if (tree.left.length > 0 || !run.ended) {
      const { left } = tree;
      logger.error({ instance: instance.id, left }, 'processes could not be ended');
      return deps.apply(instance, { type: 'tree-stuck', left, retryInMs: STUCK_RETRY_MS });
    }
    await run.forget();
    instance.run = undefined;
    deps.apply(instance, { type: 'tree-ended' });
  }

  /** The program has ended by itself: what it left behind goes, too, before the next one starts. */
  async function sweep(instance: Instance): Promise<void> {
    const { run } = instance;
    if (run !== undefined) {
      const { signal, grace } = instance.assigned.spec.stop;
      const tree = await run.end({ signal, graceMs: grace });
      if (deps.stopping.aborted) return;
      if (tree.left.length > 0) {
        const { left } = tree;
        logger.error({ instance: instance.id, left }, 'processes could not be ended');
      }
      await run.forget();
      instance.run = undefined;
    }
    // Not waited for: the next launch need not.
    void readLastLines(instance);
  }

  function watch(instance: Instance): void {
    const { health } = instance.assigned.spec;
    if (health === undefined) return;
    const target = { instance: instance.id, ports: instance.ports };
    prober.watch(target, health, ({ ok, detail }) => {
      const said = detail === undefined ? {} : { detail };
      const before = instance.protocol;
      instance.protocol = { ok, atMs: clock.boot(), ...said };
      // Ages are told anyway; what is probed well every few seconds is no news.
      if (before?.ok !== ok || before.detail !== detail) deps.onObserved(instance);
      deps.apply(instance, { type: 'probed', ok });
      if (ok) instance.lastLines = undefined;
    });
  }

  function rewatch(instance: Instance): void {
    const { status } = claimedPart(instance.state);
    if (status !== 'running' && status !== 'ready') return;
    prober.unwatch(instance.id);
    instance.protocol = undefined;
    watch(instance);
  }

  async function readLastLines(instance: Instance): Promise<void> {
    try {
      instance.lastLines = await deps.readLastLines(instance.id);
      deps.onObserved(instance);
    } catch (err) {
      logger.warn({ instance: instance.id, err }, 'last lines could not be read');
    }
  }

  return { carryOut, bind, rewatch };
}
