import { createServer, type Server } from 'node:http';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { MeshError, type Actor, type Clock, type Histogram, type Logger } from '@meshwork/shared';
import { hasBearerToken } from './bearer-token.ts';
import { fromThrown, parsePart, toErrorAnswer } from './error-answer.ts';
import type { HttpLimits } from './http-limits.ts';
import type { Route, RouteRequest, SseMessage } from './route.ts';
import { writeEventStream } from './sse.ts';

/** What an app over a route table needs. */
export interface AppDeps {
  readonly routes: readonly Route[];
  readonly token: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: HttpLimits;
  /** Aborts when no new request may begin; event streams end with it. */
  readonly stopping: AbortSignal;
  /** Labels: route, status. */
  readonly seconds: Histogram;
}

/** The holder of the one API token; roles come with identity. */
const OPERATOR: Actor = { kind: 'operator', name: 'operator' };

/** Fastify with every route of the table, and the server under it, which does not listen yet. */
export function buildApp(deps: AppDeps): {
  readonly app: FastifyInstance;
  readonly server: Server;
} {
  const { limits, stopping, logger } = deps;
  const server = createServer({
    requestTimeout: limits.requestMs,
    headersTimeout: limits.requestMs,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: Math.min(limits.requestMs, 5_000),
  });
  server.maxConnections = limits.connections;
  const app = fastify({
    bodyLimit: limits.bodyBytes,
    exposeHeadRoutes: false,
    serverFactory: (handler) => server.on('request', handler),
  });

  app.setNotFoundHandler((request) => {
    throw new MeshError(
      'MESH_ROUTE_UNKNOWN',
      `there is no route ${request.method} ${request.url.split('?', 1)[0]}`,
    );
  });
  app.setErrorHandler((thrown, request, reply) => {
    const error = fromThrown(thrown);
    const { method, url } = request;
    if (error.row.http >= 500 && !error.row.retryable)
      logger.error({ method, url, code: error.code, err: error }, 'request failed');
    return reply.code(error.row.http).send(toErrorAnswer(error));
  });
  app.addHook('onSend', async (_, reply) => {
    if (stopping.aborted) reply.header('connection', 'close');
  });
  const streams = new Set<FastifyRequest>();
  const followed = new WeakSet<FastifyRequest>();
  for (const route of deps.routes) {
    app.route({
      method: route.method,
      url: route.path,
      onRequest: async (request) => {
        if (stopping.aborted)
          throw new MeshError('MESH_STOPPING', 'the daemon is stopping and takes no new request');
        if (
          route.permission !== 'public' &&
          !hasBearerToken(request.headers.authorization, deps.token)
        ) {
          throw new MeshError(
            'MESH_AUTH_REQUIRED',
            `${route.method} ${route.path} needs "Authorization: Bearer TOKEN"`,
          );
        }
      },
      onResponse: async (request, reply) => {
        if (followed.has(request)) return;
        deps.seconds.observe(reply.elapsedTime / 1000, {
          route: route.path,
          status: reply.statusCode,
        });
      },
      handler: (request, reply) => serve(route, request, reply, { streams, followed }, deps),
    });
  }
  return { app, server };
}

async function serve(
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  open: OpenStreams,
  deps: AppDeps,
): Promise<unknown> {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort(new Error('the client went away')));
  const input: RouteRequest = {
    params: parsePart('params', route.schemas.params, request.params),
    query: parsePart('query', route.schemas.query, request.query),
    body: parsePart('body', route.schemas.body, request.body),
    signal: gone.signal,
    actor: route.permission === 'public' ? undefined : OPERATOR,
    lastEventId: lastEventIdOf(request),
  };
  switch (route.answer.kind) {
    case 'json': {
      const answer = await route.answer.handle(input);
      reply.code(route.answer.status(answer));
      return route.schemas.response?.parse(answer) ?? answer;
    }
    case 'text':
      reply.type(route.answer.contentType);
      return route.answer.handle(input);
    case 'events': {
      const { handle } = route.answer;
      return serveStream((signal) => handle({ ...input, signal }), request, reply, {
        ...deps,
        open,
        gone: gone.signal,
      });
    }
    case 'json or events': {
      const { isFollowed, handle, follow } = route.answer;
      if (!isFollowed(input)) {
        const answer = await handle(input);
        return route.schemas.response?.parse(answer) ?? answer;
      }
      return serveStream((signal) => follow({ ...input, signal }), request, reply, {
        ...deps,
        open,
        gone: gone.signal,
      });
    }
  }
}

/** The open event streams: counted, and known apart from requests with an end. */
interface OpenStreams {
  readonly streams: Set<FastifyRequest>;
  readonly followed: WeakSet<FastifyRequest>;
}

async function serveStream(
  begin: (signal: AbortSignal) => AsyncIterable<SseMessage>,
  request: FastifyRequest,
  reply: FastifyReply,
  deps: AppDeps & { readonly open: OpenStreams; readonly gone: AbortSignal },
): Promise<unknown> {
  const { streams, followed } = deps.open;
  if (streams.size >= deps.limits.eventStreams) {
    throw new MeshError(
      'MESH_BUSY',
      `${deps.limits.eventStreams} event streams are open already; close one`,
    );
  }
  streams.add(request);
  followed.add(request);
  try {
    const signal = AbortSignal.any([deps.gone, deps.stopping]);
    await serveEvents(begin(signal), reply, deps.gone, deps);
  } finally {
    streams.delete(request);
  }
  return reply;
}

async function serveEvents(
  messages: AsyncIterable<SseMessage>,
  reply: FastifyReply,
  gone: AbortSignal,
  { clock, limits, stopping, logger }: AppDeps,
): Promise<void> {
  reply.hijack();
  const signal = AbortSignal.any([gone, stopping]);
  try {
    const end = await writeEventStream(reply.raw, messages, { clock, limits, signal });
    if (end === 'stalled') reply.raw.destroy();
    else reply.raw.end();
  } catch (error) {
    // The status has been sent: cutting the connection is what tells the client to resume.
    if (!signal.aborted) logger.warn({ err: error }, 'event stream broke off');
    reply.raw.destroy();
  }
}

function lastEventIdOf(request: FastifyRequest): string | undefined {
  const header = request.headers['last-event-id'];
  return typeof header === 'string' && header !== '' ? header.slice(0, 128) : undefined;
}
