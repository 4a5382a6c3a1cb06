/**
 * Link timing, in one place because the two sides only work together: the side that dials asks for signs of life and
 * notices silence (1.5 s). The side that binds only answers, and gives up on silence when the dialling side said so
 * (10 s), so that there a failed send always means a closed connection.
 *
 * Only one side may ask. libzmq (4.3.5) aborts the whole process when a connection that it no longer reads, because its
 * owner is slow or its routing id was taken over, breaks and is then asked for a sign of life or finds one to answer.
 */
export const linkTiming = {
  heartbeatMs: 500,
  heartbeatTimeoutDialMs: 1_500,
  heartbeatTimeoutBindMs: 10_000,
  connectTimeoutMs: 1_000,
  handshakeMs: 2_000,
} as const;

/** Options of every control socket. */
export const commonOptions = {
  linger: 0,
  sendTimeout: 0,
  // Beyond these ours queue, where they can expire.
  sendHighWaterMark: 64,
  handshakeInterval: linkTiming.handshakeMs,
} as const;

/**
 * Frames that libzmq holds for a slow owner before it stops reading the connection, which is when the abort above
 * becomes possible; so more than an honest peer has under way, and a bound all the same.
 */
export const receiveHighWaterMark = {
  /** Of each node. One that floods on is stopped here. */
  bind: 1_024,
  /** Of the main node, more than the calls it may have under way: a connection that asks for signs of life is read. */
  dial: 16_384,
} as const;

/** Ends connections of peers that vanished before they ever asked for a sign of life. Seconds, but for the count. */
export const tcpKeepalive = {
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 10,
  tcpKeepaliveInterval: 5,
  tcpKeepaliveCount: 3,
} as const;

/** A socket accepts IPv6 only when told so, and IPv4 addresses should then stay what they are. */
export function isIpv6Endpoint(endpoint: string): boolean {
  return endpoint.startsWith('tcp://[');
}

/** The code of an error that libzmq or the system gave. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
