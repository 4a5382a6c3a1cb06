import type { Clock, NodeHeartbeat, SendOutcome } from '@meshwork/shared';
import { beginLoopWatch, stepLoopWatch } from '../core/step-loop-watch.ts';
import type { HeartbeatContent } from '../services/ports.ts';
import type { LoopBoard } from './loop-board.ts';

/** What the sending loop needs. */
export interface HeartbeatDeps {
  readonly clock: Clock;
  /** Milliseconds of the clock that stamps the board. */
  readonly nowMs: () => number;
  /** When the daemon started, on that clock. */
  readonly startedAtMs: number;
  readonly board: Pick<LoopBoard, 'turnedAtMs' | 'takeLagMs' | 'countSent'>;
  /** Sends one heartbeat in place of one that still waits. */
  send(heartbeat: NodeHeartbeat): SendOutcome;
  /** Load and memory of the machine now. */
  readMachine(): Pick<NodeHeartbeat, 'load1' | 'memoryUsedRatio'>;
  /** Asked for each heartbeat. */
  content(): HeartbeatContent;
  /** The daemon's loop did not turn for `endAfterMs`; what remains is to end the process. */
  onStuck(silentMs: number): void;
}

/** How often, and when to give the daemon up. */
export interface HeartbeatPolicy {
  readonly everyMs: number;
  readonly endAfterMs: number;
}

/** The sending of heartbeats. */
export interface Heartbeats {
  /** Sends one now, beside the regular ones: a new connection need not wait for its first. */
  beat(): void;
  /** Sends one every `everyMs`, at its own pace, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Makes heartbeats, numbered from 0. */
export function createHeartbeats(deps: HeartbeatDeps, policy: HeartbeatPolicy): Heartbeats {
  const { board } = deps;
  const watchPolicy = { endAfterMs: policy.endAfterMs, maxStepMs: 2 * policy.everyMs };
  let watch = beginLoopWatch(deps.nowMs());
  let sequence = 0;

  /** Whether the daemon's loop still turns now and then. */
  function beat(): boolean {
    const nowMs = deps.nowMs();
    const step = stepLoopWatch(watch, { turnedAtMs: board.turnedAtMs, nowMs }, watchPolicy);
    ({ watch } = step);
    const sent = deps.send({
      ...deps.content(),
      ...deps.readMachine(),
      sequence,
      loopSilentMs: round(watch.silentMs),
      loopLagMs: round(board.takeLagMs()),
      uptimeMs: round(nowMs - deps.startedAtMs),
    });
    sequence += 1;
    if (sent === 'queued') board.countSent();
    return !step.isStuck;
  }

  return {
    beat: () => void beat(),
    async run(signal) {
      for await (const _ of deps.clock.ticks(policy.everyMs, signal)) {
        if (!beat()) return deps.onStuck(watch.silentMs);
      }
    },
  };
}

function round(ms: number): number {
  return Math.round(ms);
}
