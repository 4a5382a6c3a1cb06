/** What `mesh up` knows of one daemon that it keeps alive. `atMs` are monotonic milliseconds. */
export type DaemonState =
  | { readonly status: 'absent'; readonly retryAtMs: number; readonly fastEnds: number }
  | { readonly status: 'starting'; readonly sinceMs: number; readonly fastEnds: number }
  | { readonly status: 'ready'; readonly sinceMs: number; readonly fastEnds: number };

/** What was seen of it. */
export type DaemonEvent =
  | { readonly type: 'tick' }
  | { readonly type: 'ready' }
  | { readonly type: 'ended' };

/** What to do now, besides keeping the new state. */
export type DaemonEffect = 'spawn' | 'none';

/** Back-off of daemons: the first restart is at once, then 0.5 s doubling to 30 s; a minute of life forgives. */
export const daemonBackoff = { initialMs: 500, maxMs: 30_000, provenAfterMs: 60_000 } as const;

/** Decides when a daemon is started again. Pure; the caller spawns. */
export function stepDaemon(
  state: DaemonState,
  event: DaemonEvent,
  nowMs: number,
): { readonly state: DaemonState; readonly effect: DaemonEffect } {
  switch (event.type) {
    case 'tick':
      if (state.status !== 'absent' || nowMs < state.retryAtMs) return { state, effect: 'none' };
      return {
        state: { status: 'starting', sinceMs: nowMs, fastEnds: state.fastEnds },
        effect: 'spawn',
      };
    case 'ready':
      if (state.status === 'ready') return { state, effect: 'none' };
      return {
        state: { status: 'ready', sinceMs: nowMs, fastEnds: state.fastEnds },
        effect: 'none',
      };
    case 'ended': {
      if (state.status === 'absent') return { state, effect: 'none' };
      const isProven =
        state.status === 'ready' && nowMs - state.sinceMs >= daemonBackoff.provenAfterMs;
      const fastEnds = isProven ? 0 : state.fastEnds + 1;
      return {
        state: { status: 'absent', retryAtMs: nowMs + delayMs(fastEnds), fastEnds },
        effect: 'none',
      };
    }
    default:
      return event satisfies never;
  }
}

function delayMs(fastEnds: number): number {
  if (fastEnds <= 1) return 0;
  return Math.min(daemonBackoff.maxMs, daemonBackoff.initialMs * 2 ** (fastEnds - 2));
}
