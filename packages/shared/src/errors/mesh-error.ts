import { errorTable, type ErrorCode, type ErrorRow } from './table.ts';

/** What a failure looks like on the wire and in JSON answers. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * A failure with a code from the one table.
 *
 * The message says what was attempted, with the values that identify it, and the remedy where one is known.
 */
export class MeshError extends Error {
  override readonly name = 'MeshError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ErrorCode,
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

  /** The row of the table: HTTP status, exit code, whether a repeat may help. */
  get row(): ErrorRow {
    return errorTable[this.code];
  }

  /** What crosses a process: code, message, details; never the stack. */
  toBody(): ErrorBody {
    const { code, message, details } = this;
    return details === undefined ? { code, message } : { code, message, details };
  }
}

/** Gives any thrown value the shape of a `MeshError`; an unknown one becomes `MESH_INTERNAL`. */
export function toMeshError(thrown: unknown): MeshError {
  if (thrown instanceof MeshError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MeshError('MESH_INTERNAL', `unexpected failure: ${message}`, { cause: thrown });
}

/** Reads an error that came over a wire; an unknown code becomes `MESH_INTERNAL` and keeps its text. */
export function fromErrorBody(body: {
  code: string;
  message: string;
  details?: Record<string, unknown> | undefined;
}): MeshError {
  const details = body.details;
  if (Object.hasOwn(errorTable, body.code)) {
    return new MeshError(
      body.code as ErrorCode,
      body.message,
      details === undefined ? {} : { details },
    );
  }
  return new MeshError('MESH_INTERNAL', body.message, {
    details: { ...details, receivedCode: body.code },
  });
}
