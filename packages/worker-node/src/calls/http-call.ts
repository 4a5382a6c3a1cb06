/*
 * A connection per call: on a kept one, a server that closes just then leaves it unknown whether the call ran, and
 * connecting to this machine takes a few microseconds.
 */
import { request, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { MeshError, linkLimits } from '@meshwork/shared';
import {
  answerTooLarge,
  expired,
  notReady,
  outcomeUnknown,
  unanswered,
  type Called,
} from './call-failure.ts';
import { agentHost, knock } from './knock.ts';
import { parseAnswer, toAgentText } from './parse-answer.ts';

/** One call of a program that answers `POST /ACTION`. */
export interface HttpCall extends Called {
  readonly port: number;
  /** The arguments as JSON. */
  readonly body: string;
  readonly timeoutMs: number;
  /** Gives up; a call that was sent ends as unknown. */
  readonly signal: AbortSignal;
}

/**
 * Posts the arguments to `/ACTION` and gives back what was answered.
 *
 * 2xx is a result, 404 an unknown action, everything else a failure of the agent. Rejects with MESH_AGENT_NOT_READY,
 * MESH_EXPIRED, MESH_ACTION_UNKNOWN, MESH_AGENT_FAILED, MESH_TOO_LARGE or MESH_OUTCOME_UNKNOWN.
 */
export async function callHttp(call: HttpCall): Promise<unknown> {
  const { port, timeoutMs, signal } = call;
  const deadlineMs = performance.now() + timeoutMs;
  const knocked = await knock({ port, timeoutMs, signal });
  if (knocked.status === 'refused') throw notReady(call, knocked.reason);
  if (knocked.status !== 'open') throw expired(call, timeoutMs);
  const cut = AbortSignal.any([
    signal,
    AbortSignal.timeout(Math.max(1, Math.round(deadlineMs - performance.now()))),
  ]);
  const { status, text } = await post(call, knocked.socket, cut);
  if (status >= 200 && status < 300) return parseAnswer(text);
  throw toFailure(call, status, text);
}

function post(
  call: HttpCall,
  socket: Socket,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'POST',
      host: agentHost,
      port: call.port,
      path: `/${encodeURIComponent(call.action)}`,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(call.body),
        accept: 'application/json',
        connection: 'close',
      },
      createConnection: () => socket,
      signal,
    });
    const fail = (error: unknown): void => {
      socket.destroy();
      reject(toTransportFailure(call, error, signal));
    };
    asked.on('error', fail);
    asked.on('response', (response) => {
      readAll(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), fail);
    });
    asked.end(call.body);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > linkLimits.answerBytes) throw new RangeError('answer too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function toTransportFailure(call: HttpCall, error: unknown, signal: AbortSignal): MeshError {
  if (error instanceof RangeError) return answerTooLarge(call);
  if (call.signal.aborted) return outcomeUnknown(call, 'given up while it ran');
  if (signal.aborted) return unanswered(call, call.timeoutMs);
  return outcomeUnknown(call, `the connection broke before the answer (${toCode(error)})`);
}

function toFailure(call: HttpCall, status: number, text: string): MeshError {
  const said = toAgentText(text);
  const words = `call ${call.instance} ${call.action}: answered ${status}`;
  const message = said === '' ? words : `${words}: ${said}`;
  const code = status === 404 ? 'MESH_ACTION_UNKNOWN' : 'MESH_AGENT_FAILED';
  return new MeshError(code, message, { details: { status } });
}

function toCode(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
