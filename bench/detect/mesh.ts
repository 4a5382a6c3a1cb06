import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { loadOrMintKeys, openDataDir, readLock } from '@meshwork/platform';
import { z } from 'zod';

import type { Children } from './children.ts';
import { on, type Host, type Hosts } from './hosts.ts';

/** A mesh of real daemons: a main node here, a worker node on each machine. */
export interface BenchMesh {
  /** The moments (`performance.now`) at which nodes were called dead. */
  readonly deaths: readonly { readonly node: string; readonly atMs: number }[];
  /** Resolves when every one of these machines' nodes is in this state. */
  until(machines: readonly Host[], state: string): Promise<void>;
}

const GIVE_UP_MS = 40_000;
const node = process.execPath;
const daemon = (name: string): string => resolve(`packages/${name}/src/main.ts`);

/** Starts the daemons under `root` and follows the main node's events; resolves when all nodes are alive. `signal` ends the following. */
export async function startMesh(
  root: string,
  hosts: Hosts,
  children: Children,
  signal: AbortSignal,
): Promise<BenchMesh> {
  const main = await openDataDir(join(root, 'main-node'), { kind: 'main-node' });
  await writeFile(
    main.file('config.yaml'),
    `http: { port: 0 }\ncontrol: { host: ${hosts.address}, port: 0 }\nenrolment: { port: 0 }\n`,
  );
  await mkdir(main.file('accept'));
  const folders = await Promise.all(
    hosts.hosts.map(async (host) => {
      const dir = await openDataDir(join(root, host.name), { kind: 'worker-node' });
      const { publicKey } = await loadOrMintKeys(dir.path);
      await writeFile(dir.file('config.yaml'), `node: ${host.name}\nhttp: { port: 0 }\n`);
      const accepted = JSON.stringify({ node: host.name, publicKey });
      await writeFile(main.file('accept', `${host.name}.json`), accepted);
      return { host, dir };
    }),
  );

  const quiet = '--disable-warning=ExperimentalWarning';
  // Its own signal to stop: SIGTERM would leave the embedded Redis running.
  children.start(
    [node, quiet, daemon('main-node'), '--dir', main.path, '--log', join(root, 'main-node.log')],
    {
      endSignal: 'SIGUSR2',
      onLine: (line) => console.error(line),
    },
  );
  const { http, control } = await untilPublished(main.path);
  for (const { host, dir } of folders) {
    const found = {
      addresses: [`${control.host}:${control.port}`],
      serverKey: control.publicKey,
    };
    await writeFile(dir.file('join.json'), JSON.stringify(found));
    children.start(
      on(host, [
        node,
        quiet,
        daemon('worker-node'),
        '--dir',
        dir.path,
        '--log',
        join(root, `${host.name}.log`),
      ]),
      { onLine: (line) => console.error(line) },
    );
  }

  const states = new Map<string, string>();
  const deaths: { node: string; atMs: number }[] = [];
  const token = (await readFile(main.file('api-token'), 'utf8')).trim();
  let broken: unknown;
  follow(
    `http://${http.host}:${http.port}/v1/events?follow=1&limit=1000`,
    token,
    signal,
    (event) => {
      if (event['kind'] !== 'node.state') return;
      const [name, after] = [String(event['node']), String(event['after'])];
      states.set(name, after);
      if (after === 'dead') deaths.push({ node: name, atMs: performance.now() });
    },
  ).catch((error: unknown) => (broken = error));

  async function until(machines: readonly Host[], state: string): Promise<void> {
    const deadlineMs = performance.now() + GIVE_UP_MS;
    while (!machines.every(({ name }) => states.get(name) === state)) {
      if (broken !== undefined) throw new Error(`the main node is gone`, { cause: broken });
      if (performance.now() > deadlineMs) {
        const seen = [...states].map((entry) => entry.join(' ')).join(', ');
        throw new Error(`not all nodes are ${state} after ${GIVE_UP_MS} ms: ${seen}`);
      }
      await sleep(5);
    }
  }

  await until(hosts.hosts, 'alive');
  return { deaths, until };
}

const Published = z.object({
  http: z.object({ host: z.string(), port: z.int() }),
  control: z.object({ host: z.string(), port: z.int(), publicKey: z.string() }),
});

async function untilPublished(dir: string): Promise<z.infer<typeof Published>> {
  for (let n = 0; n < 400; n += 1) {
    const published = Published.safeParse(readLock(dir)?.endpoints);
    if (published.success) return published.data;
    await sleep(50);
  }
  throw new Error('the main node did not start within 20 s');
}

/** Reads the event stream until `signal` aborts; a stream that ends before is a failure of the main node. */
async function follow(
  url: string,
  token: string,
  signal: AbortSignal,
  onEvent: (event: Record<string, unknown>) => void,
): Promise<void> {
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
      signal,
    });
    if (!response.ok || response.body === null)
      throw new Error(`the event stream answered ${response.status}`);
    let rest = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('data:'))
          onEvent(JSON.parse(line.slice('data:'.length)) as Record<string, unknown>);
      }
    }
    throw new Error('the event stream ended');
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
