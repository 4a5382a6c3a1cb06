/** What is known of one connection's clocks: the least difference seen, and when. */
export interface LinkAge {
  /** Receiver's boot clock minus sender's, for a message that was not delayed. */
  readonly baseMs: number;
  /** Receiver's boot clock at which `baseMs` was last brought up to date. */
  readonly atMs: number;
}

/** How fast the base may rise: more than two clocks drift apart, far less than a queue grows. */
export const maxDriftRatio = 0.0005;

/**
 * Says how long a frame was under way beyond the quickest one, and updates the connection's base.
 *
 * Two boot clocks have no common zero, so only differences count: `received - sentAt` of a frame that waited
 * nowhere is the lower envelope of all frames. Clocks drift, so the envelope may rise, but only by
 * `maxDriftRatio` of the time passed: a frame that was held back (a stopped process, a full queue) cannot
 * lift it. The first frame of a connection counts as not delayed.
 */
export function stepLinkAge(
  before: LinkAge | undefined,
  frame: { readonly sentAtMs: number; readonly receivedAtMs: number },
): { readonly link: LinkAge; readonly ageMs: number } {
  const differenceMs = frame.receivedAtMs - frame.sentAtMs;
  if (before === undefined) {
    return { link: { baseMs: differenceMs, atMs: frame.receivedAtMs }, ageMs: 0 };
  }
  const passedMs = Math.max(0, frame.receivedAtMs - before.atMs);
  const baseMs = Math.min(differenceMs, before.baseMs + passedMs * maxDriftRatio);
  return {
    link: { baseMs, atMs: Math.max(before.atMs, frame.receivedAtMs) },
    ageMs: differenceMs - baseMs,
  };
}
