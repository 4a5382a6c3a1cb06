import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { fetchPackage, findFetched } from '@meshwork/platform';
import type { Children } from './children.ts';
import { on, type Host, type Hosts } from './hosts.ts';

/** Serf agents on the same machines, with the settings they ship with. */
export interface BenchSerf {
  /** Moments (`performance.now`) at which the agent here called others failed. */
  readonly failures: readonly { readonly node: string; readonly atMs: number }[];
  /** Resolves when the agent here sees these (again). */
  untilJoined(machines: readonly Host[]): Promise<void>;
  untilFailed(machines: readonly Host[]): Promise<void>;
}

const GIVE_UP_MS = 40_000;

/** Fetches Debian's serf where it is not on PATH, and starts an agent here and on each machine. */
export async function startSerf(
  root: string,
  hosts: Hosts,
  children: Children,
): Promise<BenchSerf> {
  const serf = await obtainSerf();
  const failures: { node: string; atMs: number }[] = [];
  const isUp = new Map<string, boolean>();
  // Only how soon a healed machine is looked for again: detection itself stays as it ships.
  const config = join(root, 'serf.json');
  await writeFile(config, JSON.stringify({ reconnect_interval: '1s' }));

  const agent = (name: string, address: string, more: readonly string[]): readonly string[] => [
    serf,
    'agent',
    `-node=${name}`,
    `-bind=${address}:7946`,
    `-config-file=${config}`,
    ...more,
  ];
  children.start(agent('main', hosts.address, [`-rpc-addr=${hosts.address}:7373`]), {
    onLine(line) {
      const event = /EventMember(Join|Failed): (\S+)/.exec(line);
      if (event === null) return;
      const [, what, node = ''] = event;
      isUp.set(node, what === 'Join');
      if (what === 'Failed') failures.push({ node, atMs: performance.now() });
    },
  });
  for (const host of hosts.hosts) {
    const join = ['-rpc-addr=127.0.0.1:7373', `-retry-join=${hosts.address}:7946`];
    children.start(on(host, agent(host.name, host.address, [...join, '-retry-interval=1s'])));
  }

  async function until(machines: readonly Host[], isWanted: boolean): Promise<void> {
    const deadlineMs = performance.now() + GIVE_UP_MS;
    while (!machines.every(({ name }) => isUp.get(name) === isWanted)) {
      if (performance.now() > deadlineMs)
        throw new Error(`serf: not all ${isWanted ? 'joined' : 'failed'} after ${GIVE_UP_MS} ms`);
      await sleep(5);
    }
  }

  return {
    failures,
    untilJoined: (machines) => until(machines, true),
    untilFailed: (machines) => until(machines, false),
  };
}

async function obtainSerf(): Promise<string> {
  const options = {
    package: 'serf',
    cacheDir: join(homedir(), '.cache/meshwork'),
    env: process.env,
    onProgress: (line: string) => console.error(line),
    signal: AbortSignal.timeout(120_000),
  };
  const fetched =
    (await findFetched(options.cacheDir, options.package)) ?? (await fetchPackage(options));
  return join(fetched.root, 'usr/bin/serf');
}
