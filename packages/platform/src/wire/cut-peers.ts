/** Connections whose key was revoked: what they send is discarded unread. */
export interface CutPeers {
  add(routingKey: string, publicKey: string, nowMs: number): void;
  readonly isEmpty: boolean;
  /** Whether this frame's connection was cut. */
  discards(routingKey: string, nowMs: number): boolean;
  /** A cut peer goes on sending: only closing the socket ends its connection. */
  isDefied(nowMs: number): boolean;
  /** These keys may connect again. */
  pardon(isAdmitted: (publicKey: string) => boolean): void;
  /** The socket was closed, and with it every connection. */
  clear(): void;
}

/** What was on its way when the peer was cut is no defiance. */
const GRACE_MS = 300;
const MAX_CUT = 1_024;

/** Nobody cut. */
export function createCutPeers(): CutPeers {
  const cut = new Map<string, { readonly publicKey: string; readonly sinceMs: number }>();
  let defiedAtMs = Number.NEGATIVE_INFINITY;

  return {
    add(routingKey, publicKey, nowMs) {
      const [oldest] = cut.keys();
      if (cut.size >= MAX_CUT && oldest !== undefined) cut.delete(oldest);
      cut.set(routingKey, { publicKey, sinceMs: nowMs });
    },
    discards(routingKey, nowMs) {
      const entry = cut.get(routingKey);
      if (entry === undefined) return false;
      if (nowMs - entry.sinceMs > GRACE_MS) defiedAtMs = nowMs;
      return true;
    },
    get isEmpty() {
      return cut.size === 0;
    },
    isDefied: (nowMs) => nowMs - defiedAtMs < 1_000,
    pardon(isAdmitted) {
      for (const [routingKey, { publicKey }] of cut) {
        if (isAdmitted(publicKey)) cut.delete(routingKey);
      }
    },
    clear() {
      cut.clear();
      defiedAtMs = Number.NEGATIVE_INFINITY;
    },
  };
}
