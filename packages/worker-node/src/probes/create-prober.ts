import type { Clock, Component, Health, InstanceId, Logger, Random } from '@meshwork/shared';
import { beginProbe, stepProbe, type ProbeEvent, type ProbeState } from '../core/step-probe.ts';
import type { InstanceTarget, Prober, ProbeResult } from '../services/ports.ts';
import type { ProbeAsk } from './ask.ts';

/** What a prober needs; `openAsk` makes the way of asking that `health` declares. */
export interface ProberDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  openAsk(target: InstanceTarget, health: Health): ProbeAsk;
}

/** A prober that sends due probes from `start` to `stop`. */
export interface OwnedProber extends Prober, Component {
  /** There is a reason to ask this instance now instead of when it is due; without a watch nothing happens. */
  hurry(instance: InstanceId): void;
}

interface Watch {
  readonly health: Health;
  readonly ask: ProbeAsk;
  readonly onResult: (result: ProbeResult) => void;
  readonly ended: AbortController;
  state: ProbeState;
}

/** Longest text of a result, characters. */
const MAX_DETAIL_CHARS = 200;
/** Probes that come due this close together leave together: fewer wakes of an idle daemon. */
const BATCH_MS = 20;
/** With nothing to watch the loop sleeps until it is woken, or this long. */
const IDLE_MS = 3_600_000;

const pace = { quickMinMs: 50, quickMaxMs: 1000, quickRatio: 0.1, jitterRatio: 0.1 } as const;

/** Runs the probes of all instances from one timer, as `stepProbe` decides; at most one per instance at a time. */
export function createProber(deps: ProberDeps): OwnedProber {
  const { clock, random } = deps;
  const stopping = new AbortController();
  const watches = new Map<InstanceId, Watch>();
  const underWay = new Set<Promise<void>>();
  let running: Promise<void> = Promise.resolve();
  let pause = new AbortController();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      pause = new AbortController();
      const nowMs = clock.monotonic();
      let dueMs = nowMs + IDLE_MS;
      for (const watch of watches.values()) {
        step(watch, { type: 'tick' });
        if (watch.state.status === 'waiting') dueMs = Math.min(dueMs, watch.state.dueMs);
      }
      await rest(Math.max(BATCH_MS, dueMs - nowMs));
    }
  }

  async function rest(ms: number): Promise<void> {
    try {
      await clock.sleep(ms, pause.signal);
    } catch (error) {
      if (!pause.signal.aborted) throw error;
    }
  }

  function step(watch: Watch, event: ProbeEvent): void {
    const { interval: intervalMs, failures } = watch.health;
    const { state, effects } = stepProbe(watch.state, event, clock.monotonic(), {
      ...pace,
      intervalMs,
      failures,
    });
    watch.state = state;
    for (const _ of effects) own(askOnce(watch));
  }

  async function askOnce(watch: Watch): Promise<void> {
    const result = await measure(watch.ask, watch.health.timeout, watch.ended.signal);
    if (watch.ended.signal.aborted) return;
    step(watch, { type: 'result', ok: result.ok, chance: random.next() });
    wake();
    watch.onResult(result);
  }

  async function measure(
    ask: ProbeAsk,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const startedMs = clock.monotonic();
    const { ok, detail } = await ask.ask({ timeoutMs, signal });
    const durationMs = clock.monotonic() - startedMs;
    if (detail === undefined) return { ok, durationMs };
    return { ok, durationMs, detail: detail.slice(0, MAX_DETAIL_CHARS) };
  }

  function own(probe: Promise<void>): void {
    const owned = probe
      .catch((error: unknown) => deps.logger.error({ err: error }, 'a probe failed unexpectedly'))
      .finally(() => underWay.delete(owned));
    underWay.add(owned);
  }

  function wake(): void {
    pause.abort();
  }

  function end(instance: InstanceId): void {
    const watch = watches.get(instance);
    if (watch === undefined) return;
    watches.delete(instance);
    watch.ended.abort();
    watch.ask.close();
  }

  return {
    name: 'prober',
    async start() {
      running = run();
    },
    async stop() {
      stopping.abort();
      wake();
      for (const instance of watches.keys()) end(instance);
      await running;
      await Promise.all(underWay);
    },
    watch(target, health, onResult) {
      end(target.instance);
      watches.set(target.instance, {
        health,
        ask: deps.openAsk(target, health),
        onResult,
        ended: new AbortController(),
        state: beginProbe(clock.monotonic()),
      });
      wake();
    },
    unwatch: end,
    hurry(instance) {
      const watch = watches.get(instance);
      if (watch !== undefined) step(watch, { type: 'hurry' });
    },
    async probe(target, health, { timeoutMs }) {
      const ask = deps.openAsk(target, health);
      try {
        return await measure(ask, timeoutMs, stopping.signal);
      } finally {
        ask.close();
      }
    },
  };
}
