import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CallResult, Status, listOf, type MeshEvent } from '@meshwork/shared';
import { untilItSays, type Pc } from './pc.ts';

const relayEntry = fileURLToPath(new URL('../fixtures/relay.ts', import.meta.url));

/** What the HTTP API answered. */
export interface MeshAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The HTTP API of a test's mesh without the cost of a `mesh` process for each question. */
export interface MeshApi {
  /** One request; rejects when nothing answers within `timeoutMs` (default 5 s). */
  ask(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    options?: { readonly timeoutMs?: number },
  ): Promise<MeshAnswer>;
  status(): Promise<Status>;
  /** The newest events, oldest first. */
  events(): Promise<readonly MeshEvent[]>;
  /** Calls one agent. */
  call(
    target: string,
    action: string,
    args: Record<string, unknown>,
    timeoutMs: number,
  ): Promise<CallResult>;
  stop(): Promise<void>;
}

/** Opens the API of the mesh in `dir`, wherever its main node listens; `pc` is where that is not this machine's own network. */
export async function openMeshApi(dir: string, pc?: Pc): Promise<MeshApi> {
  const lockFile = join(dir, 'main-node', 'lock.json');
  const socketPath = join(dir, 'relay.sock');
  const relay = pc === undefined ? undefined : await startRelay(pc, socketPath, lockFile);

  async function target(): Promise<{ socketPath: string } | { host: string; port: number }> {
    if (relay !== undefined) return { socketPath };
    const { endpoints } = JSON.parse(await readFile(lockFile, 'utf8'));
    return { host: endpoints.http.host, port: endpoints.http.port };
  }

  async function ask(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<MeshAnswer> {
    const token = (await readFile(join(dir, 'main-node', 'api-token'), 'utf8')).trim();
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      connection: 'close',
      ...(text === '' ? {} : { 'content-type': 'application/json' }),
    };
    const to = { ...(await target()), method, path, headers, agent: false };
    const signal = AbortSignal.timeout(options.timeoutMs ?? 5_000);
    return new Promise((resolve, reject) => {
      const asking = request({ ...to, signal }, (answer) => {
        let got = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (got += chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          try {
            resolve({ status: answer.statusCode ?? 0, body: JSON.parse(got) });
          } catch (cause) {
            reject(new Error(`${method} ${path} answered ${got.slice(0, 200)}`, { cause }));
          }
        });
      });
      asking.on('error', reject);
      asking.end(text);
    });
  }

  async function well(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
    const answer = await ask(method, path, body, { timeoutMs: 15_000 });
    if (answer.status === 200) return answer.body;
    throw new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  return {
    ask,
    status: async () => Status.parse(await well('GET', '/v1/status')),
    async events() {
      const page = (await well('GET', '/v1/events?limit=1000')) as { items: MeshEvent[] };
      return page.items;
    },
    async call(agent, action, args, timeoutMs) {
      const body = { target: agent, action, args, timeoutMs };
      const [result] = listOf(CallResult).parse(await well('POST', '/v1/call', body)).items;
      if (result === undefined) throw new Error(`nobody is called ${agent}`);
      return result;
    },
    async stop() {
      await relay?.end();
    },
  };
}

async function startRelay(
  pc: Pc,
  socketPath: string,
  lockFile: string,
): Promise<{ end(): Promise<void> }> {
  const [program, ...args] = pc.command([process.execPath, relayEntry, socketPath, lockFile]);
  const child = spawn(program, args);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await untilItSays('listening', child);
  return {
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}
