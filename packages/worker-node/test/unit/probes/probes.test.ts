import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { itNeeds } from '@meshwork/testkit';
import { Reply, Router } from 'zeromq';
import type { ProbeAsk } from '../../../src/probes/ask.ts';
import { createHttpProbe } from '../../../src/probes/http-probe.ts';
import { createTcpProbe } from '../../../src/probes/tcp-probe.ts';
import { createZmqProbe } from '../../../src/probes/zmq-probe.ts';

const never = new AbortController().signal;
const opened: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

function owned(probe: ProbeAsk): ProbeAsk {
  opened.push(() => probe.close());
  return probe;
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

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function serveZmq(answer: (text: string) => string | undefined): Promise<number> {
  const reply = new Router({ linger: 0 });
  await reply.bind('tcp://127.0.0.1:*');
  const loop = (async () => {
    for await (const frames of reply) {
      const text = answer(String(frames.at(-1)));
      if (text !== undefined) await reply.send([...frames.slice(0, -1), text]);
    }
  })();
  opened.push(async () => {
    reply.close();
    await loop.catch(() => {});
  });
  return Number(reply.lastEndpoint?.split(':').at(-1));
}

describe('http', () => {
  test.each([
    [200, true],
    [204, true],
    [301, false],
    [404, false],
    [503, false],
  ])('takes %i as well: %s', async (status, ok) => {
    const port = await serveHttp((_request, response) => response.writeHead(status).end());
    const probe = owned(createHttpProbe({ port, path: '/health' }));

    const answer = await probe.ask({ timeoutMs: 2000, signal: never });

    expect(answer.ok).toBe(ok);
    expect(answer.detail).toContain(String(status));
  });

  test('asks for the declared path with its query, percent-encoded', async () => {
    let asked = '';
    const port = await serveHttp((request, response) => {
      asked = request.url ?? '';
      response.end();
    });
    const probe = owned(createHttpProbe({ port, path: '/a b/ok?deep=1' }));

    await probe.ask({ timeoutMs: 2000, signal: never });

    expect(asked).toBe('/a%20b/ok?deep=1');
  });

  test('is answered by the status line, before a body that never ends', async () => {
    const port = await serveHttp((_request, response) => {
      response.writeHead(200).write('beginning');
    });
    const cut = new AbortController();
    const probe = owned(createHttpProbe({ port, path: '/' }));

    const answer = await probe.ask({ timeoutMs: 60_000, signal: cut.signal });
    cut.abort();

    expect(answer.ok).toBe(true);
  });

  test('ends by its timeout when nothing is answered', async () => {
    const port = await listen(createServer());
    const probe = owned(createHttpProbe({ port, path: '/' }));

    const answer = await probe.ask({ timeoutMs: 50, signal: never });

    expect(answer).toEqual({ ok: false, detail: 'no answer within 50 ms' });
  });

  test('says when the answer is not HTTP', async () => {
    const port = await listen(createServer((socket) => socket.end('220 smtp ready\r\n')));
    const probe = owned(createHttpProbe({ port, path: '/' }));

    const answer = await probe.ask({ timeoutMs: 2000, signal: never });

    expect(answer.ok).toBe(false);
    expect(answer.detail).toContain('HTTP');
  });
});

describe('tcp', () => {
  test('is well when the port accepts', async () => {
    const port = await listen(createServer());

    expect(await createTcpProbe({ port }).ask({ timeoutMs: 2000, signal: never })).toEqual({
      ok: true,
    });
  });

  test('names the port on which nothing listens', async () => {
    const port = await freePort();

    expect(await createTcpProbe({ port }).ask({ timeoutMs: 2000, signal: never })).toEqual({
      ok: false,
      detail: `nothing listens on port ${port}`,
    });
  });
});

describe('zmq', () => {
  test('sends the declared text and looks for the expected one in the answer', async () => {
    const port = await serveZmq((text) => `status of ${text}: ok`);
    const well = owned(createZmqProbe({ port, send: 'health_check', expect: 'ok' }));
    const ill = owned(createZmqProbe({ port, send: 'health_check', expect: 'fine' }));

    expect(await well.ask({ timeoutMs: 2000, signal: never })).toEqual({
      ok: true,
      detail: 'status of health_check: ok',
    });
    expect(await ill.ask({ timeoutMs: 2000, signal: never })).toMatchObject({ ok: false });
  });

  test('sends an object as JSON', async () => {
    const port = await serveZmq((text) => text);
    const probe = owned(createZmqProbe({ port, send: { action: 'ping' } }));

    expect(await probe.ask({ timeoutMs: 2000, signal: never })).toEqual({
      ok: true,
      detail: '{"action":"ping"}',
    });
  });

  test('recovers after a missing answer, and does not take the late one for the next', async () => {
    let asked = 0;
    const port = await serveZmq(() => {
      asked += 1;
      return asked === 1 ? undefined : `answer ${asked}`;
    });
    const probe = owned(createZmqProbe({ port, send: 'ping' }));

    const first = await probe.ask({ timeoutMs: 60, signal: never });
    const second = await probe.ask({ timeoutMs: 2000, signal: never });

    expect(first).toEqual({ ok: false, detail: 'no answer within 60 ms' });
    expect(second).toEqual({ ok: true, detail: 'answer 2' });
  });

  test('says that nothing listens, also when it had a connection that is gone', async () => {
    const reply = new Reply({ linger: 0 });
    await reply.bind('tcp://127.0.0.1:*');
    const port = Number(reply.lastEndpoint?.split(':').at(-1));
    const probe = owned(createZmqProbe({ port, send: 'ping' }));
    const asking = probe.ask({ timeoutMs: 2000, signal: never });
    await reply.receive();
    await reply.send('pong');
    expect((await asking).ok).toBe(true);
    reply.close();

    // ZeroMQ closes port and connections in its own time; until then a message may still be taken.
    const answers: (string | undefined)[] = [];
    do answers.push((await probe.ask({ timeoutMs: 200, signal: never })).detail);
    while (answers.at(-1) === 'no answer within 200 ms');

    expect(answers.at(-1)).toBe(`nothing listens on port ${port}`);
  });

  test('says that a port does not speak ZeroMQ', async () => {
    const port = await listen(createServer());
    const probe = owned(createZmqProbe({ port, send: 'ping' }));

    expect(await probe.ask({ timeoutMs: 80, signal: never })).toEqual({
      ok: false,
      detail: 'the port is open but does not speak ZeroMQ',
    });
  });

  test('can be canceled while it waits, and asked again', async () => {
    const cancel = new AbortController();
    let isSilent = true;
    const port = await serveZmq(() => {
      if (!isSilent) return 'pong';
      cancel.abort();
      return undefined;
    });
    const probe = owned(createZmqProbe({ port, send: 'ping' }));

    const canceled = await probe.ask({ timeoutMs: 60_000, signal: cancel.signal });
    isSilent = false;
    const again = await probe.ask({ timeoutMs: 2000, signal: never });

    expect(canceled.ok).toBe(false);
    expect(again).toEqual({ ok: true, detail: 'pong' });
  });

  itNeeds(['python3-zmq'], 'asks an unmodified pyzmq program', async () => {
    const program = `
import zmq
socket = zmq.Context().socket(zmq.REP)
print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
while True:
    socket.send_string("healthy" if socket.recv_string() == "health_check" else "what?")
`;
    const child = spawn('/usr/bin/python3', ['-c', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    const probe = owned(
      createZmqProbe({ port: Number(String(port)), send: 'health_check', expect: 'healthy' }),
    );

    expect(await probe.ask({ timeoutMs: 4000, signal: never })).toEqual({
      ok: true,
      detail: 'healthy',
    });
  });
});
