/** Which address is tried next, and how often in a row this peer was turned away. */
export interface Redial {
  readonly index: number;
  readonly refusals: number;
}

/** How a connection or an attempt at one ended. `refused`: the other side answered and does not want us. */
export type DialEnd = 'wasBound' | 'failed' | 'refused';

/** Wait between two attempts, milliseconds. */
export const redialTiming = {
  minMs: 100,
  maxMs: 500,
  refusedMinMs: 1_000,
  refusedMaxMs: 10_000,
} as const;

/**
 * Picks the next address and how long to wait before it.
 *
 * An address that worked is tried first again; others take turns. A refusal is no fault that heals by itself in
 * milliseconds, so the wait grows. `random` in [0, 1) spreads a fleet that lost its main node at one moment.
 */
export function stepRedial(
  before: Redial,
  end: DialEnd,
  options: { readonly addresses: number; readonly random: number },
): { readonly redial: Redial; readonly delayMs: number } {
  const { minMs, maxMs, refusedMinMs, refusedMaxMs } = redialTiming;
  const delayMs = minMs + options.random * (maxMs - minMs);
  const next = (before.index + 1) % Math.max(1, options.addresses);
  switch (end) {
    case 'wasBound':
      return { redial: { index: before.index, refusals: 0 }, delayMs };
    case 'failed':
      return { redial: { index: next, refusals: before.refusals }, delayMs };
    case 'refused': {
      const ceilingMs = Math.min(refusedMaxMs, refusedMinMs * 2 ** before.refusals);
      return {
        redial: { index: next, refusals: before.refusals + 1 },
        delayMs: ceilingMs * (0.5 + options.random / 2),
      };
    }
    default:
      return end satisfies never;
  }
}
