/**
 * A failure that a handler wants its caller to tell apart.
 *
 * The caller gets a `MeshError` MESH_AGENT_FAILED with the message, `details`, and the code as `details.agentCode`.
 */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  /** A code of the agent's own, e.g. `OUT_OF_STOCK`. */
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: string,
    message: string,
    options: {
      readonly details?: Readonly<Record<string, unknown>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }
}
