import type { Actor } from '@meshwork/shared';
import type { z } from 'zod';

/**
 * Who may use a route. `public` needs nothing, everything else the bearer token; `read` and `change` are kept apart for the
 * roles that come with identity.
 */
export type Permission = 'public' | 'read' | 'change';

/** What a handler gets: parsed, and with the signal that aborts when the client goes or the server's patience ends. */
export interface RouteRequest<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly signal: AbortSignal;
  /** Who asks, for the event stream; undefined on public routes. */
  readonly actor: Actor | undefined;
  /** Of an event stream that the client resumes. */
  readonly lastEventId: string | undefined;
}

/** One message of a server-sent event stream. `data` is sent as JSON. */
export interface SseMessage {
  readonly id?: string;
  readonly event?: string;
  readonly data: unknown;
}

/** A row of the route table. Made by `defineRoute`, `defineTextRoute`, `defineEventStream` or `defineFollowableRoute`. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/v1/nodes/:name` */
  readonly path: string;
  readonly permission: Permission;
  readonly schemas: RouteSchemas;
  readonly answer:
    | {
        readonly kind: 'json';
        handle(request: RouteRequest): Promise<unknown>;
        status(answer: unknown): number;
      }
    | {
        readonly kind: 'text';
        readonly contentType: string;
        handle(request: RouteRequest): Promise<string>;
      }
    | { readonly kind: 'events'; handle(request: RouteRequest): AsyncIterable<SseMessage> }
    | {
        readonly kind: 'json or events';
        isFollowed(request: RouteRequest): boolean;
        handle(request: RouteRequest): Promise<unknown>;
        follow(request: RouteRequest): AsyncIterable<SseMessage>;
      };
}

/** What a request must look like, and what the answer looks like. Absent: nothing is taken. */
export interface RouteSchemas {
  readonly params?: z.ZodType | undefined;
  readonly query?: z.ZodType | undefined;
  readonly body?: z.ZodType | undefined;
  readonly response?: z.ZodType | undefined;
}

type Parsed<S extends z.ZodType | undefined> = S extends z.ZodType ? z.output<S> : undefined;

interface RouteHead<
  P extends z.ZodType | undefined,
  Q extends z.ZodType | undefined,
  B extends z.ZodType | undefined,
> {
  readonly method: Route['method'];
  readonly path: string;
  readonly permission: Permission;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
}

/** A route that answers JSON. The answer is parsed by `response` before it leaves: what the schema does not name stays here. */
export function defineRoute<
  R extends z.ZodType,
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  route: RouteHead<P, Q, B> & {
    readonly response: R;
    handle(request: RouteRequest<Parsed<P>, Parsed<Q>, Parsed<B>>): Promise<z.input<R>>;
    /** HTTP status of a good answer; default 200. */
    status?(answer: z.input<R>): number;
  },
): Route {
  const { method, path, permission, params, query, body, response } = route;
  return {
    method,
    path,
    permission,
    schemas: { params, query, body, response },
    answer: {
      kind: 'json',
      // The server hands over what these very schemas made.
      handle: (request) => route.handle(request as RouteRequest<Parsed<P>, Parsed<Q>, Parsed<B>>),
      status: (answer) => route.status?.(answer as z.input<R>) ?? 200,
    },
  };
}

/** A route that answers plain text, e.g. metrics. */
export function defineTextRoute<
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
>(
  route: Omit<RouteHead<P, Q, undefined>, 'method' | 'body'> & {
    readonly contentType: string;
    handle(request: RouteRequest<Parsed<P>, Parsed<Q>, undefined>): Promise<string>;
  },
): Route {
  const { path, permission, params, query, contentType } = route;
  return {
    method: 'GET',
    path,
    permission,
    schemas: { params, query },
    answer: {
      kind: 'text',
      contentType,
      handle: (request) => route.handle(request as RouteRequest<Parsed<P>, Parsed<Q>, undefined>),
    },
  };
}

/**
 * A route that answers server-sent events for as long as the client listens.
 *
 * The next message is asked for only when the client took the last: a slow client slows its own iterable, nothing piles up here.
 */
export function defineEventStream<
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
>(
  route: Omit<RouteHead<P, Q, undefined>, 'method' | 'body'> & {
    handle(request: RouteRequest<Parsed<P>, Parsed<Q>, undefined>): AsyncIterable<SseMessage>;
  },
): Route {
  const { path, permission, params, query } = route;
  return {
    method: 'GET',
    path,
    permission,
    schemas: { params, query },
    answer: {
      kind: 'events',
      handle: (request) => route.handle(request as RouteRequest<Parsed<P>, Parsed<Q>, undefined>),
    },
  };
}

/**
 * A route that answers what there is now as JSON or, where `isFollowed` says that the request wants it, goes on with
 * server-sent events.
 */
export function defineFollowableRoute<
  R extends z.ZodType,
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
>(
  route: Omit<RouteHead<P, Q, undefined>, 'method' | 'body'> & {
    readonly response: R;
    isFollowed(request: RouteRequest<Parsed<P>, Parsed<Q>, undefined>): boolean;
    handle(request: RouteRequest<Parsed<P>, Parsed<Q>, undefined>): Promise<z.input<R>>;
    follow(request: RouteRequest<Parsed<P>, Parsed<Q>, undefined>): AsyncIterable<SseMessage>;
  },
): Route {
  const { path, permission, params, query, response } = route;
  type Request = RouteRequest<Parsed<P>, Parsed<Q>, undefined>;
  return {
    method: 'GET',
    path,
    permission,
    schemas: { params, query, response },
    answer: {
      kind: 'json or events',
      isFollowed: (request) => route.isFollowed(request as Request),
      handle: (request) => route.handle(request as Request),
      follow: (request) => route.follow(request as Request),
    },
  };
}
