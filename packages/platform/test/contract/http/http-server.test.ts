import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshError } from '@meshwork/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../../../src/base/logger.ts';
import { createMetrics } from '../../../src/base/metrics.ts';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import {
  createHttpServer,
  type HttpServer,
  type HttpServerOptions,
} from '../../../src/http/http-server.ts';
import {
  defineEventStream,
  defineFollowableRoute,
  defineRoute,
  defineTextRoute,
  type Route,
  type SseMessage,
} from '../../../src/http/route.ts';

const token = 'correct-horse';
const bearer = { authorization: `Bearer ${token}` };
const never = new AbortController().signal;
const clock = createSystemClock();

let dataDir: string;
const servers: HttpServer[] = [];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'mesh-http-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(AbortSignal.abort());
  rmSync(dataDir, { recursive: true });
});

async function serve(
  routes: readonly Route[],
  options: Partial<HttpServerOptions> = {},
): Promise<HttpServer> {
  const server = createHttpServer({
    daemon: 'main',
    port: 0,
    portWasSet: false,
    dataDir,
    routes,
    token,
    clock,
    logger: createLogger({ name: 'test', level: 'silent' }),
    metrics: createMetrics({ processMetrics: false }),
    ...options,
  });
  servers.push(server);
  await server.start(never);
  return server;
}

const at = (server: HttpServer, path: string): string =>
  `http://127.0.0.1:${server.address().port}${path}`;

const nodes = defineRoute({
  method: 'POST',
  path: '/v1/nodes/:name',
  permission: 'change',
  params: z.object({ name: z.string().max(5) }),
  query: z.object({ limit: z.coerce.number().default(10) }),
  body: z.strictObject({ act: z.enum(['accept', 'reject']) }),
  response: z.object({ text: z.string() }),
  async handle({ params, query, body }) {
    if (params.name === 'gone') {
      throw new MeshError('MESH_NODE_UNKNOWN', 'cannot accept gone: no such node', {
        details: { node: 'gone' },
      });
    }
    if (params.name === 'bug') throw new TypeError('x is not a function');
    return { text: `${body.act} ${params.name} ${query.limit}`, secret: 'not in the schema' };
  },
});

test('answers what the handler made of parsed input, without what the schema does not name', async () => {
  const server = await serve([nodes]);

  const response = await fetch(at(server, '/v1/nodes/pc2?limit=3'), {
    method: 'POST',
    headers: { ...bearer, 'content-type': 'application/json' },
    body: JSON.stringify({ act: 'accept' }),
  });

  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ text: 'accept pc2 3' });
});

const failures: [string, string, RequestInit, number, string, boolean][] = [
  ['no token', '/v1/nodes/pc2', { headers: {} }, 401, 'MESH_AUTH_REQUIRED', false],
  [
    'a wrong token',
    '/v1/nodes/pc2',
    { headers: { authorization: 'Bearer wrong' } },
    401,
    'MESH_AUTH_REQUIRED',
    false,
  ],
  ['an unknown route', '/v2/nothing', {}, 404, 'MESH_ROUTE_UNKNOWN', false],
  [
    'a wrong method',
    '/v1/nodes/pc2',
    { method: 'GET', body: null },
    404,
    'MESH_ROUTE_UNKNOWN',
    false,
  ],
  [
    'a parameter that does not fit',
    '/v1/nodes/much-too-long',
    {},
    400,
    'MESH_INPUT_INVALID',
    false,
  ],
  [
    'an unknown field',
    '/v1/nodes/pc2',
    { body: '{"act":"accept","x":1}' },
    400,
    'MESH_INPUT_INVALID',
    false,
  ],
  ['broken JSON', '/v1/nodes/pc2', { body: '{"act":' }, 400, 'MESH_INPUT_INVALID', false],
  ['no body', '/v1/nodes/pc2', { body: '' }, 400, 'MESH_INPUT_INVALID', false],
  [
    'another content type',
    '/v1/nodes/pc2',
    { headers: { ...bearer, 'content-type': 'text/csv' } },
    400,
    'MESH_INPUT_INVALID',
    false,
  ],
  [
    'a body over the bound',
    '/v1/nodes/pc2',
    { body: JSON.stringify({ act: 'x'.repeat(2_000_000) }) },
    413,
    'MESH_TOO_LARGE',
    false,
  ],
  ['a failure with a code', '/v1/nodes/gone', {}, 404, 'MESH_NODE_UNKNOWN', false],
  ['a bug', '/v1/nodes/bug', {}, 500, 'MESH_INTERNAL', false],
];

test.each(failures)(
  'answers %s with a code of the table',
  async (_, path, init, status, code, retryable) => {
    const server = await serve([nodes]);

    const response = await fetch(at(server, path), {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
      body: '{"act":"accept"}',
      ...init,
    });

    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      error: expect.objectContaining({ code, retryable, message: expect.any(String) }),
    });
  },
);

test('public routes and text answers need no token', async () => {
  const metrics = defineTextRoute({
    path: '/metrics',
    permission: 'public',
    contentType: 'text/plain; version=0.0.4',
    handle: async () => 'up 1\n',
  });
  const server = await serve([metrics]);

  const response = await fetch(at(server, '/metrics'));

  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  expect(await response.text()).toBe('up 1\n');
});

test('a taken default port is replaced by the next free one, which the next start takes again', async () => {
  const first = await serve([]);
  const { port } = first.address();

  const second = await serve([], { port, portWasSet: false });
  const kept = second.address().port;
  await second.stop(never);
  await first.stop(never);
  const third = await serve([], { port, portWasSet: false });

  expect(kept).toBeGreaterThan(port);
  expect(third.address().port).toBe(kept);
});

test('a port that was set is refused with the pid of its holder', async () => {
  const first = await serve([]);
  const { port } = first.address();

  await expect(serve([], { port, portWasSet: true })).rejects.toMatchObject({
    code: 'MESH_PORT_TAKEN',
    details: { port, pid: process.pid },
  });
});

test('a stopping server finishes what runs and takes nothing new', async () => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const slow = defineRoute({
    method: 'GET',
    path: '/slow',
    permission: 'public',
    response: z.object({ done: z.boolean() }),
    async handle() {
      entered.resolve();
      await release.promise;
      return { done: true };
    },
  });
  const server = await serve([slow]);
  const url = at(server, '/slow');

  const running = fetch(url);
  await entered.promise;
  const stopped = server.stop(never);
  const refused = fetch(url).then(
    () => 'answered',
    () => 'refused',
  );
  expect(await refused).toBe('refused');
  release.resolve();

  expect(await (await running).json()).toEqual({ done: true });
  await stopped;
});

test('a request that outlasts the deadline of stop is cut and its signal aborts', async () => {
  const entered = Promise.withResolvers<AbortSignal>();
  const stuck = defineRoute({
    method: 'GET',
    path: '/stuck',
    permission: 'public',
    response: z.object({}),
    handle: ({ signal }) => {
      entered.resolve(signal);
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
      );
    },
  });
  const server = await serve([stuck]);

  const cut = expect(fetch(at(server, '/stuck'))).rejects.toThrow();
  const signal = await entered.promise;
  const deadline = new AbortController();
  const stopped = server.stop(deadline.signal);
  deadline.abort();
  await stopped;
  await cut;

  expect(signal.aborted).toBe(true);
});

test('a slow sender of headers or body does not hold a connection past the bound', async () => {
  const server = await serve([nodes], { limits: { requestMs: 200 } });
  const socket = createConnection(server.address().port, '127.0.0.1');

  socket.write('POST /v1/nodes/pc2 HTTP/1.1\r\nHost: x\r\n');
  const text = await new Promise<string>((resolve) => {
    let seen = '';
    socket
      .on('data', (chunk: Buffer) => (seen += chunk.toString()))
      .on('close', () => resolve(seen));
  });

  expect(text).toContain('408');
}, 60_000);

async function* counting(
  from: number,
  signal: AbortSignal,
  onEnd: () => void,
): AsyncIterable<SseMessage> {
  try {
    for (let n = from; n < from + 3; n += 1)
      yield { id: String(n), event: 'tick', data: { n, text: 'a\nb' } };
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    onEnd();
  }
}

test('an event stream resumes after Last-Event-ID and ends its source when the client goes', async () => {
  const ended = Promise.withResolvers<void>();
  const events = defineEventStream({
    path: '/v1/events',
    permission: 'read',
    handle: ({ signal, lastEventId }) =>
      counting(Number(lastEventId ?? 0) + 1, signal, ended.resolve),
  });
  const server = await serve([events]);
  const leave = new AbortController();

  const response = await fetch(at(server, '/v1/events'), {
    headers: { ...bearer, 'last-event-id': '41' },
    signal: leave.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  while (!seen.includes('id: 44')) seen += (await reader?.read())?.value ?? '';
  leave.abort();
  await reader?.closed.catch(() => {});
  await ended.promise;

  expect(response.headers.get('content-type')).toContain('text/event-stream');
  expect(seen.split('\n\n')[0]).toBe('id: 42\nevent: tick\ndata: {"n":42,"text":"a\\nb"}');
});

test('event streams end at once when the server stops', async () => {
  const ended = Promise.withResolvers<void>();
  const events = defineEventStream({
    path: '/v1/events',
    permission: 'public',
    handle: ({ signal }) => counting(1, signal, ended.resolve),
  });
  const server = await serve([events]);
  const response = await fetch(at(server, '/v1/events'));

  await server.stop(never);

  await ended.promise;
  expect(await response.text()).toContain('id: 3');
});

test('a client that stops reading slows only its own source and is cut off after the bound', async () => {
  let made = 0;
  const ended = Promise.withResolvers<void>();
  const flood = defineEventStream({
    path: '/flood',
    permission: 'public',
    async *handle() {
      try {
        for (;;) yield { data: { n: (made += 1), text: 'x'.repeat(10_000) } };
      } finally {
        ended.resolve();
      }
    },
  });
  const server = await serve([flood], { limits: { stallMs: 300 } });
  const socket = createConnection(server.address().port, '127.0.0.1');
  socket.pause();
  socket.write('GET /flood HTTP/1.1\r\nHost: x\r\n\r\n');

  await ended.promise;

  expect(made * 10_000).toBeLessThan(50_000_000);
  socket.destroy();
});

test('more event streams than the bound are refused as busy', async () => {
  const events = defineEventStream({
    path: '/e',
    permission: 'public',
    handle: ({ signal }) => counting(1, signal, () => {}),
  });
  const server = await serve([events], { limits: { eventStreams: 1 } });
  await fetch(at(server, '/e'));

  const second = await fetch(at(server, '/e'));

  expect(second.status).toBe(429);
  expect(await second.json()).toMatchObject({ error: { code: 'MESH_BUSY', retryable: true } });
});

test('counts requests by route and status', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const server = await serve([nodes], { metrics });

  await (await fetch(at(server, '/v1/nodes/pc2'), { method: 'POST' })).text();

  expect(await metrics.expose()).toContain(
    'mesh_main_http_request_seconds_count{route="/v1/nodes/:name",status="401"} 1',
  );
});

test('listens on loopback only unless told otherwise', async () => {
  const server = await serve([]);

  expect(server.address().host).toBe('127.0.0.1');
});

test('names a port holder of another protocol family', async () => {
  const holder: Server = createServer((socket: Socket) => socket.destroy());
  await new Promise<void>((resolve) => holder.listen(0, '::1', resolve));
  const { findPortHolder } = await import('../../../src/http/port-holder.ts');
  const { port } = holder.address() as { port: number };

  const found = await findPortHolder(port);
  holder.close();

  expect(found?.pid).toBe(process.pid);
});

test('answers one path as JSON, and as an event stream where the request asks to follow', async () => {
  const lines = defineFollowableRoute({
    path: '/v1/lines',
    permission: 'read',
    query: z.object({ follow: z.stringbool().default(false) }),
    response: z.object({ items: z.array(z.string()) }),
    isFollowed: ({ query }) => query.follow,
    handle: async () => ({ items: ['now'] }),
    async *follow(): AsyncIterable<SseMessage> {
      yield { data: 'now' };
      yield { data: 'later' };
    },
  });
  const server = await serve([lines]);

  const once = await fetch(at(server, '/v1/lines'), { headers: bearer });
  const followed = await fetch(at(server, '/v1/lines?follow=1'), { headers: bearer });

  expect(await once.json()).toEqual({ items: ['now'] });
  expect(followed.headers.get('content-type')).toContain('text/event-stream');
  expect(await followed.text()).toBe('data: "now"\n\ndata: "later"\n\n');
});
