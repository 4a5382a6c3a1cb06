/** Anything with a lifetime. Started in order, rolled back when one fails, stopped in reverse under one deadline. */
export interface Component {
  /** For logs and error messages. */
  readonly name: string;
  /** Resolves when ready to serve. Rejects when it cannot be, or when the signal aborts first; leaves nothing open then. */
  start(signal: AbortSignal): Promise<void>;
  /** Refuses new work, drains until the signal aborts, then releases everything. May be called twice. */
  stop(signal: AbortSignal): Promise<void>;
}
