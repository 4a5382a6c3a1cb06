import { MeshError, toMeshError } from '@meshwork/shared';
import type { z } from 'zod';

/** Body of every failed request. */
export interface ErrorAnswer {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
    readonly retryable: boolean;
  };
}

/** The body that tells a client about a failure; status and `retryable` come from the one table. */
export function toErrorAnswer(error: MeshError): ErrorAnswer {
  return { error: { ...error.toBody(), retryable: error.row.retryable } };
}

/** Gives what Fastify or a handler threw a code of the table. */
export function fromThrown(thrown: unknown): MeshError {
  const { code, statusCode, message } = thrown as {
    code?: unknown;
    statusCode?: unknown;
    message?: string;
  };
  if (thrown instanceof MeshError) return thrown;
  if (statusCode === 413)
    return new MeshError('MESH_TOO_LARGE', `the request is too large: ${message}`, {
      cause: thrown,
    });
  if (
    typeof code === 'string' &&
    code.startsWith('FST_') &&
    typeof statusCode === 'number' &&
    statusCode < 500
  ) {
    return new MeshError('MESH_INPUT_INVALID', `cannot read the request: ${message}`, {
      cause: thrown,
    });
  }
  return toMeshError(thrown);
}

/** Parses one part of a request; throws MESH_INPUT_INVALID with every problem, each with its path. */
export function parsePart(
  part: 'params' | 'query' | 'body',
  schema: z.ZodType | undefined,
  value: unknown,
): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    path: [part, ...issue.path.map(String)],
    reason: issue.message,
  }));
  const text = problems.map(({ path, reason }) => `${path.join('.')}: ${reason}`).join('; ');
  throw new MeshError('MESH_INPUT_INVALID', `the request does not fit: ${text}`, {
    details: { problems },
  });
}
