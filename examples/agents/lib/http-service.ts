/** What an agent without the SDK needs: actions over HTTP, and calls to the agents it depends on. `node:http` only. */
import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A JSON object, as calls and answers are. */
export type Json = Readonly<Record<string, unknown>>;

/** What a call that cannot be answered throws; `status` goes to the caller. */
export class CallError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'CallError';
    this.status = status;
  }
}

/** The actions of an agent, by name; `page` answers `GET /` with HTML. */
export interface HttpServiceOptions {
  readonly actions: ReadonlyMap<string, (body: Json) => Promise<Json> | Json>;
  readonly page: (query: URLSearchParams) => Promise<string>;
}

const maxBodyBytes = 1024 * 1024;
const maxAnswerBytes = 4 * 1024 * 1024;

/** Listens on MESH_PORT_HTTP (a free port without it), says so, and ends with 0 at SIGTERM or SIGINT. */
export async function serve({ actions, page }: HttpServiceOptions): Promise<void> {
  const server = createServer((asked, response) => {
    const url = new URL(asked.url ?? '/', 'http://agent');
    const respond = async (): Promise<void> => {
      if (asked.method === 'GET' && url.pathname === '/') {
        write(response, 200, 'text/html; charset=utf-8', await page(url.searchParams));
        return;
      }
      const name = url.pathname.slice(1);
      const action = actions.get(name);
      if (action === undefined) {
        throw new CallError(404, `no action ${name}; there are ${[...actions.keys()].join(', ')}`);
      }
      const answer = await action(parseObject(await readText(asked, maxBodyBytes)));
      write(response, 200, 'application/json', JSON.stringify(answer));
    };
    respond().catch((error: unknown) => {
      const status = error instanceof CallError ? error.status : 500;
      const text = error instanceof Error ? error.message : String(error);
      write(response, status, 'application/json', JSON.stringify({ error: text }));
    });
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
  const host = process.env['MESH_BIND'] ?? '127.0.0.1';
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(Number(process.env['MESH_PORT_HTTP'] ?? 0), host, done);
  });
  const { port } = server.address() as AddressInfo;
  console.log(`${process.env['MESH_AGENT'] ?? 'agent'} listens on ${host}:${port}`);
}

/** Calls an action of an agent this one depends on; rejects with a reason, at the latest after `timeoutMs`. */
export function call(
  agent: string,
  action: string,
  body: Json = {},
  timeoutMs = 4000,
): Promise<Json> {
  const variable = `MESH_ADDR_${agent.toUpperCase().replaceAll('-', '_')}_HTTP`;
  const address = process.env[variable];
  if (address === undefined) return Promise.reject(new CallError(503, `${variable} is not set`));
  return new Promise((done, fail) => {
    const asked = request(
      `http://${address}/${action}`,
      { method: 'POST', agent: false, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        readText(response, maxAnswerBytes)
          .then((text) => {
            const answer = parseObject(text);
            if (response.statusCode === 200) done(answer);
            else fail(new CallError(503, `${agent} answered ${response.statusCode}: ${text}`));
          })
          .catch(fail);
      },
    );
    asked.once('error', (error) => fail(new CallError(503, `${agent}: ${error.message}`)));
    asked.end(JSON.stringify(body));
  });
}

async function readText(stream: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) throw new CallError(413, `over ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseObject(text: string): Json {
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CallError(400, 'the body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CallError(400, 'the body must be a JSON object');
  }
  return value as Json;
}

function write(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, connection: 'close' });
  response.end(`${body}\n`);
}
