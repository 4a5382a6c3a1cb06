import { FailureAnswer, fromErrorBody, MeshError } from '@meshwork/shared';
import type { z } from 'zod';

/** Talks to a main node's `/v1`. Every answer is checked against its schema. */
export interface ApiClient {
  get<Answer>(path: string, answer: z.ZodType<Answer>, options?: RequestOptions): Promise<Answer>;
  send<Answer>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body: unknown,
    answer: z.ZodType<Answer>,
    options?: RequestOptions,
  ): Promise<Answer>;
  /** Events of a server-sent stream until the signal aborts or the server ends it. */
  stream<Item>(path: string, item: z.ZodType<Item>, signal: AbortSignal): AsyncIterable<Item>;
}

/** How long to wait, and for whom. */
export interface RequestOptions {
  /** Default 30 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Longest server-sent event, characters; a longer one ends the stream. */
const maxEventChars = 2_097_152;

/**
 * A client of the main node at `baseUrl` with its bearer token.
 *
 * Throws `MESH_UNREACHABLE` when nothing answers there, else the error that the main node sent.
 */
export function createApiClient(at: {
  readonly baseUrl: string;
  /** Absent for what is open to everybody on this machine. */
  readonly token?: string;
  /** Who is there, for messages. Default: the main node. */
  readonly who?: string;
  /** Ends every request. */
  readonly signal?: AbortSignal;
}): ApiClient {
  async function call(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<Response> {
    const headers: Record<string, string> =
      at.token === undefined ? {} : { authorization: `Bearer ${at.token}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    let response: Response;
    try {
      response = await fetch(new URL(path, at.baseUrl), {
        method,
        headers,
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      if (signal.aborted && !isTimeout(signal.reason)) throw error;
      throw unreachable(at, error);
    }
    if (response.ok) return response;
    throw await toError(response);
  }

  async function parsed<Answer>(
    method: string,
    path: string,
    body: unknown,
    answer: z.ZodType<Answer>,
    options: RequestOptions = {},
  ): Promise<Answer> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 30_000);
    const asked = [at.signal, options.signal].filter((signal) => signal !== undefined);
    const response = await call(method, path, body, AbortSignal.any([timeout, ...asked]));
    return answer.parse(await response.json());
  }

  return {
    get: (path, answer, options) => parsed('GET', path, undefined, answer, options),
    send: (method, path, body, answer, options) =>
      parsed(method, path, body ?? {}, answer, options),
    async *stream(path, item, signal) {
      const response = await call('GET', path, undefined, signal);
      if (response.body === null) return;
      try {
        for await (const data of eventsIn(response.body)) yield item.parse(JSON.parse(data));
      } catch (error) {
        if (!signal.aborted) throw unreachable(at, error);
      }
    },
  };
}

async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let waiting = '';
  for await (const chunk of body) {
    waiting += decoder.decode(chunk, { stream: true });
    if (waiting.length > maxEventChars)
      throw new MeshError('MESH_TOO_LARGE', 'the main node sent an event over 2 MiB');
    const blocks = waiting.split('\n\n');
    waiting = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart());
      if (data.length > 0) yield data.join('\n');
    }
  }
}

async function toError(response: Response): Promise<MeshError> {
  const text = await response.text();
  try {
    return fromErrorBody(FailureAnswer.parse(JSON.parse(text)).error);
  } catch {
    return new MeshError(
      'MESH_INTERNAL',
      `the main node answered ${response.status}: ${text.slice(0, 300)}`,
    );
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

function unreachable(
  at: { readonly baseUrl: string; readonly who?: string },
  error: unknown,
): MeshError {
  const whom = `${at.who ?? 'the main node'} at ${at.baseUrl}`;
  if (isTimeout(error)) {
    return new MeshError('MESH_UNREACHABLE', `${whom} did not answer in time`, { cause: error });
  }
  const cause =
    error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  return new MeshError('MESH_UNREACHABLE', `${whom} does not answer: ${cause}`, { cause: error });
}
