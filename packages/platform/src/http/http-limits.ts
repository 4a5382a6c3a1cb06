import type { SseLimits } from './sse.ts';

/** Bounds of an HTTP server; a row each in `docs/limits.md`. */
export interface HttpLimits extends SseLimits {
  readonly bodyBytes: number;
  readonly connections: number;
  readonly eventStreams: number;
  /** For a request to arrive as a whole. */
  readonly requestMs: number;
}

/** Bounds where the caller names none. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  bodyBytes: 1024 * 1024,
  connections: 512,
  eventStreams: 64,
  requestMs: 30_000,
  keepAliveMs: 15_000,
  stallMs: 30_000,
};
