/**
 * Link timing, in one place because the two sides only work together: the side that dials notices silence
 * (1.5 s), the side that binds does not (10 s), so that there a failed send always means a closed connection.
 */
export const linkTiming = {
  heartbeatMs: 500,
  heartbeatTimeoutDialMs: 1_500,
  heartbeatTimeoutBindMs: 10_000,
  connectTimeoutMs: 1_000,
  handshakeMs: 2_000,
} as const;

/** Frames that libzmq holds for one peer, each way; beyond them ours queue, where they can expire. */
const HIGH_WATER_MARK = 64;

/** Options of every control socket. */
export const commonOptions = {
  linger: 0,
  sendTimeout: 0,
  sendHighWaterMark: HIGH_WATER_MARK,
  receiveHighWaterMark: HIGH_WATER_MARK,
  heartbeatInterval: linkTiming.heartbeatMs,
  handshakeInterval: linkTiming.handshakeMs,
} as const;

/** A socket accepts IPv6 only when told so, and IPv4 addresses should then stay what they are. */
export function isIpv6Endpoint(endpoint: string): boolean {
  return endpoint.startsWith('tcp://[');
}

/** The code of an error that libzmq or the system gave. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
