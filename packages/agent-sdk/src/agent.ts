import type { z } from 'zod';

/** What a handler is told of one call. */
export interface ActionContext {
  /** Aborts when the caller's time is over, or the agent closes without waiting for the call. */
  readonly signal: AbortSignal;
  /** What is left of the caller's time, ms; never below 0. */
  remainingMs(): number;
  /** Who called: an instance (`librarian.0`) or a person; absent when it did not say. */
  readonly caller: string | undefined;
}

/** What an action takes and gives back. */
export interface ActionSchemas<Input extends z.ZodType, Output extends z.ZodType> {
  /** Checks the arguments before the handler runs; a call that does not fit is answered MESH_INPUT_INVALID. */
  readonly input: Input;
  /** Checks what the handler returns; an answer that does not fit is a failure of the agent. Default: anything. */
  readonly output?: Output;
}

/** Options of one call of another agent. */
export interface CallOptions {
  /** Ends the call; 5,000 by default. */
  readonly timeoutMs?: number;
}

/** This program as an agent of a mesh. */
export interface Agent {
  /** Name of its instance, e.g. `librarian.0`. */
  readonly instance: string;
  /** Node it runs on. */
  readonly node: string;
  /** Raised each time the instance is placed. */
  readonly epoch: string;
  /** Aborts when the link has ended for good; the reason is a `MeshError` unless `close` ended it. */
  readonly closed: AbortSignal;
  /**
   * Declares an action that others can call. May be done at any time; the name must be new and not `ping`.
   *
   * At most 64 calls run at a time, more are answered MESH_BUSY. What the handler throws is answered as MESH_AGENT_FAILED with
   * the thrown message; throw an `AgentError` to give it a code.
   */
  action<Input extends z.ZodType, Output extends z.ZodType = z.ZodType<unknown>>(
    name: string,
    schemas: ActionSchemas<Input, Output>,
    handler: (
      input: z.infer<Input>,
      context: ActionContext,
    ) => z.input<Output> | Promise<z.input<Output>>,
  ): void;
  /**
   * Calls an action of another agent, wherever it runs.
   *
   * Rejects with a `MeshError`: MESH_EXPIRED (it did not run), MESH_OUTCOME_UNKNOWN (it may have run), or what the mesh or
   * the agent answered. Nothing is repeated by itself.
   */
  call(
    target: string,
    action: string,
    args?: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<unknown>;
  /** Says that the agent serves from now on. */
  ready(): void;
  /** Says that it does not serve now, and why. */
  notReady(reason: string): void;
  /** Says that it got on with its work; `mesh agent show` tells when and what. May be called often. */
  progress(detail?: string): void;
  /** Takes no new calls, waits for those under way until `drainMs` (default 8,000) have passed, and disconnects. Idempotent. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}
