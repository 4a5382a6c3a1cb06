import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { InstanceId, MeshError, linkLimits, type Calls } from '@meshwork/shared';
import { createSystemClock } from '@meshwork/platform';
import { itNeeds } from '@meshwork/testkit';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { Reply } from 'zeromq';
import { createCaller, type LinkCalls } from '../../../src/calls/create-caller.ts';
import type { Caller } from '../../../src/services/ports.ts';

const never = new AbortController().signal;
const instance = InstanceId.parse('shard.0');
const opened: (() => Promise<void> | void)[] = [];
let nextId = 0;

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

const noLink: LinkCalls = {
  hasSdk: () => false,
  knows: () => false,
  call: () => Promise.reject(new Error('no link')),
};

async function open(link: LinkCalls = noLink): Promise<Caller> {
  const caller = createCaller({ clock: createSystemClock(), link });
  await caller.start(never);
  opened.push(() => caller.stop(AbortSignal.abort()));
  return caller;
}

async function listen(server: Server): Promise<number> {
  server.on('connection', (socket) => socket.on('error', () => {}).resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(async () => {
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

const serveHttp = (handle: RequestListener): Promise<number> => listen(createHttpServer(handle));

/** A REP program: takes one request at a time, as they all do. */
async function serveZmq(answer: (asked: string) => string | string[] | Promise<string>): Promise<{
  readonly port: number;
  readonly close: () => void;
}> {
  const reply = new Reply({ linger: 0 });
  await reply.bind('tcp://127.0.0.1:*');
  const loop = (async () => {
    for await (const [asked] of reply) await reply.send(await answer(String(asked)));
  })();
  opened.push(async () => {
    reply.close();
    await loop.catch(() => {});
  });
  return {
    port: Number(reply.lastEndpoint?.split(':').at(-1)),
    close: () => reply.close(),
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

function call(
  caller: Caller,
  port: number,
  calls: Calls,
  options: {
    action?: string;
    args?: Record<string, unknown>;
    timeoutMs?: number;
    id?: string;
  } = {},
): Promise<unknown> {
  const { action = 'search', args = {}, timeoutMs = 3000, id = `c${(nextId += 1)}` } = options;
  return caller
    .call({ instance, ports: { p: port }, calls }, { action, args }, { timeoutMs, id })
    .then(({ result }) => result);
}

const zmq: Calls = { zmq: 'p' };
const http: Calls = { http: 'p' };

describe('over ZeroMQ', () => {
  test('sends the action with its arguments and gives back the JSON answer', async () => {
    const { port } = await serveZmq((asked) => JSON.stringify({ got: JSON.parse(asked) }));
    const caller = await open();

    const result = await call(caller, port, zmq, { args: { q: 'backup', limit: 3 } });

    expect(result).toEqual({ got: { action: 'search', q: 'backup', limit: 3 } });
  });

  test.each([
    ['text that is not JSON', 'pong', 'pong'],
    ['nothing', '', null],
    ['several frames', ['{"part":1}', 'two'], [{ part: 1 }, 'two']],
  ])('gives back %s as it was answered', async (_name, answer, result) => {
    const { port } = await serveZmq(() => answer);
    const caller = await open();

    expect(await call(caller, port, zmq)).toEqual(result);
  });

  test('refuses an argument called "action" instead of overwriting one', async () => {
    const caller = await open();

    await expect(call(caller, 1, zmq, { args: { action: 'rm' } })).rejects.toMatchObject({
      code: 'MESH_INPUT_INVALID',
    });
  });

  test('is not ready when nothing listens', async () => {
    const server = createServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    opened.length = 0;
    const caller = await open();

    await expect(call(caller, port, zmq)).rejects.toMatchObject({ code: 'MESH_AGENT_NOT_READY' });
  });

  test('is unknown when it was sent and not answered; the next call works', async () => {
    let release = (_answer: string): void => {};
    const { port } = await serveZmq((asked) =>
      asked.includes('stuck') ? new Promise((resolve) => (release = resolve)) : 'fine',
    );
    const caller = await open();

    await expect(call(caller, port, zmq, { action: 'stuck', timeoutMs: 60 })).rejects.toMatchObject(
      { code: 'MESH_OUTCOME_UNKNOWN' },
    );
    release('late');

    expect(await call(caller, port, zmq)).toBe('fine');
  });

  test('expires, and does not run, what waited behind others for all its time', async () => {
    const asked: string[] = [];
    const held: ((answer: string) => void)[] = [];
    const { port } = await serveZmq((text) => {
      asked.push(text);
      return new Promise((resolve) => held.push(resolve));
    });
    const caller = await open();
    const ahead = [1, 2, 3, 4].map(() => call(caller, port, zmq, { timeoutMs: 60_000 }));

    const late = call(caller, port, zmq, { action: 'late', timeoutMs: 50 });

    await expect(late).rejects.toMatchObject({ code: 'MESH_EXPIRED' });
    for (let n = 0; n < 4; n += 1) {
      await until(() => held.length > 0);
      held.shift()?.('done');
    }
    expect(await Promise.all(ahead)).toEqual(['done', 'done', 'done', 'done']);
    expect(asked.some((text) => text.includes('late'))).toBe(false);
  });

  test('answers as many calls at once as its bound allows, and refuses the next', async () => {
    let letGo = (): void => {};
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const { port } = await serveZmq(async (asked) => {
      await gate;
      return asked;
    });
    const caller = await open();
    const calls = Array.from({ length: linkLimits.callsInFlight }, (_, n) =>
      call(caller, port, zmq, { args: { n } }),
    );

    await expect(call(caller, port, zmq)).rejects.toMatchObject({ code: 'MESH_BUSY' });
    expect(caller.inFlight(instance)).toBe(linkLimits.callsInFlight);
    letGo();
    const results = (await Promise.all(calls)) as { n: number }[];

    expect(results.map(({ n }) => n)).toEqual(calls.map((_, n) => n));
    expect(caller.inFlight(instance)).toBe(0);
  });

  test('a repeated id gets the first answer and runs once', async () => {
    let runs = 0;
    const { port } = await serveZmq(() => String((runs += 1)));
    const caller = await open();

    const results = await Promise.all([
      call(caller, port, zmq, { id: 'same' }),
      call(caller, port, zmq, { id: 'same' }),
    ]);

    expect(results).toEqual([1, 1]);
    expect(runs).toBe(1);
  });

  test('says that the action ran when its answer is over the bound', async () => {
    const { port } = await serveZmq(() => 'x'.repeat(linkLimits.answerBytes + 1));
    const caller = await open();

    await expect(call(caller, port, zmq)).rejects.toMatchObject({
      code: 'MESH_TOO_LARGE',
      details: { ran: true },
    });
  });

  itNeeds(['python3-zmq'], 'calls an unmodified pyzmq program', async () => {
    const program = `
import json, zmq
socket = zmq.Context().socket(zmq.REP)
print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
while True:
    message = socket.recv_json()
    socket.send_json({"did": message["action"], "sum": message["a"] + message["b"]})
`;
    const child = spawn('/usr/bin/python3', ['-c', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    const caller = await open();

    const result = await call(caller, Number(String(port)), zmq, {
      action: 'add',
      args: { a: 2, b: 40 },
    });

    expect(result).toEqual({ did: 'add', sum: 42 });
  });
});

describe('over HTTP', () => {
  test('posts the arguments to the action and gives back the JSON answer', async () => {
    const seen: Partial<IncomingMessage>[] = [];
    const port = await serveHttp((request, response) => {
      seen.push({ method: request.method ?? '', url: request.url ?? '' });
      void text(request).then((body) => response.end(`{"echo":${body}}`));
    });
    const caller = await open();

    const result = await call(caller, port, http, { action: 're index', args: { full: true } });

    expect(result).toEqual({ echo: { full: true } });
    expect(seen).toEqual([{ method: 'POST', url: '/re%20index' }]);
  });

  test.each([
    ['404', 404, 'no such thing', 'MESH_ACTION_UNKNOWN', 'no such thing'],
    ['500 with a reason', 500, '{"error":"index torn"}', 'MESH_AGENT_FAILED', 'index torn'],
    ['422 with text', 422, 'q is missing', 'MESH_AGENT_FAILED', 'q is missing'],
    ['a redirect', 302, '', 'MESH_AGENT_FAILED', '302'],
  ])('tells %s in the agent’s own words', async (_name, status, body, code, words) => {
    const port = await serveHttp((_request, response) => response.writeHead(status).end(body));
    const caller = await open();

    const failure: unknown = await call(caller, port, http).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(MeshError);
    expect(failure).toMatchObject({ code });
    expect((failure as MeshError).message).toContain(words);
  });

  test('keeps an answer that is not JSON as text', async () => {
    const port = await serveHttp((_request, response) => response.end('done.'));
    const caller = await open();

    expect(await call(caller, port, http)).toBe('done.');
  });

  test('is not ready when nothing listens', async () => {
    const server = createServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    opened.length = 0;
    const caller = await open();

    await expect(call(caller, port, http)).rejects.toMatchObject({ code: 'MESH_AGENT_NOT_READY' });
  });

  test('is unknown when the answer does not come, or the connection breaks before it', async () => {
    const port = await serveHttp((request, response) => {
      if (request.url === '/break') response.destroy();
    });
    const caller = await open();

    await expect(call(caller, port, http, { timeoutMs: 60 })).rejects.toMatchObject({
      code: 'MESH_OUTCOME_UNKNOWN',
    });
    await expect(call(caller, port, http, { action: 'break' })).rejects.toMatchObject({
      code: 'MESH_OUTCOME_UNKNOWN',
    });
  });

  test('says that the action ran when its answer is over the bound', async () => {
    const port = await serveHttp((_request, response) =>
      response.end('x'.repeat(linkLimits.answerBytes + 1)),
    );
    const caller = await open();

    await expect(call(caller, port, http)).rejects.toMatchObject({
      code: 'MESH_TOO_LARGE',
      details: { ran: true },
    });
  });
});

describe('whichever way', () => {
  test('refuses arguments over the bound before anything is sent', async () => {
    const caller = await open();

    await expect(
      call(caller, 1, http, { args: { text: 'x'.repeat(linkLimits.argsBytes) } }),
    ).rejects.toMatchObject({ code: 'MESH_TOO_LARGE' });
  });

  test('prefers the link for an action that the SDK declared, and `calls` for any other', async () => {
    const { port } = await serveZmq(() => 'over zmq');
    const caller = await open({
      hasSdk: () => true,
      knows: (_instance, action) => action === 'search',
      call: () => Promise.resolve('over the link'),
    });

    expect(await call(caller, port, zmq, { action: 'search' })).toBe('over the link');
    expect(await call(caller, port, zmq, { action: 'reload' })).toBe('over zmq');
  });

  test('says that an agent with neither SDK nor `calls` cannot be called', async () => {
    const caller = await open();

    await expect(
      caller.call(
        { instance, ports: {} },
        { action: 'search', args: {} },
        { timeoutMs: 100, id: 'x' },
      ),
    ).rejects.toMatchObject({ code: 'MESH_AGENT_NOT_CALLABLE' });
  });

  test('stop lets calls under way finish, takes no new ones, and gives up at its deadline', async () => {
    const held: ((answer: string) => void)[] = [];
    const { port } = await serveZmq(() => new Promise((resolve) => held.push(resolve)));
    const deadline = new AbortController();
    const caller = createCaller({ clock: createSystemClock(), link: noLink });
    await caller.start(never);
    const first = call(caller, port, zmq, { timeoutMs: 60_000 });
    const lost = call(caller, port, zmq, { timeoutMs: 60_000 });
    const told = expect(lost).rejects.toMatchObject({ code: 'MESH_OUTCOME_UNKNOWN' });

    const stopping = caller.stop(deadline.signal);
    await until(() => held.length === 1);
    await expect(call(caller, port, zmq)).rejects.toMatchObject({ code: 'MESH_STOPPING' });
    held[0]?.('finished');
    expect(await first).toBe('finished');
    await until(() => held.length === 2);
    deadline.abort();
    await stopping;

    await told;
    held[1]?.('nobody waits for this');
  });
});
