/**
 * How soon the death of a machine is noticed, and whether a busy one is taken for dead.
 *
 * Real daemons on machines of their own (network namespaces on one switch). A machine's cable is pulled; what counts is the time
 * until the main node's event stream says `dead`. For the first cuts Serf runs beside, on the same machines. They are of one
 * machine each: Serf takes itself for ill when all others are gone. Then rounds in which all machines go. Last, every core is kept
 * busy for a minute with all cables in.
 *
 * Needs root and `ip`. Options: `--rounds=N` (default 12), `--serf-cuts=N` (6), `--busy=SECONDS` (60), `--keep`
 * (leaves the daemons' logs and says where).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { findLeftProcesses } from '@meshwork/testkit';

import { createChildren } from './detect/children.ts';
import { makeHosts, type Host } from './detect/hosts.ts';
import { startMesh, type BenchMesh } from './detect/mesh.ts';
import { startSerf, type BenchSerf } from './detect/serf.ts';
import { printResult } from './result.ts';

const MACHINES = 4;
/** Cables of one round are pulled at moments of chance, spread over a heartbeat's interval. */
const SPREAD_MS = 500;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    keep: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '12' },
    'serf-cuts': { type: 'string', default: '6' },
    busy: { type: 'string', default: '60' },
  },
});
const rounds = Number(values.rounds);
const serfCuts = Number(values['serf-cuts']);
const busyMs = Number(values.busy) * 1000;

if (process.getuid?.() !== 0)
  throw new Error('bench detect makes network namespaces: run it as root');
const root = await mkdtemp(join(tmpdir(), 'detect-'));
const children = createChildren();
const ended = [children];
const over = new AbortController();
const hosts = await makeHosts(String(process.pid), MACHINES);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)));

try {
  const mesh = await startMesh(root, hosts, children, over.signal);
  console.log(`${MACHINES} nodes are alive`);
  const meshMs: number[] = [];
  const serfMs: number[] = [];

  const peers = createChildren();
  ended.push(peers);
  const serf = await startSerf(root, hosts, peers);
  await serf.untilJoined(hosts.hosts);
  for (let n = 0; n < serfCuts; n += 1) {
    const seen = await cut(hosts.hosts.slice(n % MACHINES, (n % MACHINES) + 1), mesh, serf);
    meshMs.push(...seen.meshMs);
    serfMs.push(...seen.serfMs);
    console.log(`one cut: dead after ${words(seen.meshMs)}, serf ${words(seen.serfMs)}`);
  }
  await peers.endAll();

  for (let n = 0; n < rounds; n += 1) {
    const seen = await cut(hosts.hosts, mesh);
    meshMs.push(...seen.meshMs);
    console.log(`all cut: dead after ${words(seen.meshMs)}`);
  }

  const before = mesh.deaths.length;
  await keepBusy(busyMs);
  const falseDeaths = mesh.deaths.length - before;
  console.log(`${falseDeaths} deaths while every core was busy for ${busyMs / 1000} s`);

  printResult({
    name: 'detect',
    figures: {
      deadP50Ms: percentile(meshMs, 0.5),
      deadP99Ms: percentile(meshMs, 0.99),
      cuts: meshMs.length,
      serfFailedP50Ms: percentile(serfMs, 0.5),
      serfFailedP99Ms: percentile(serfMs, 0.99),
      serfCuts: serfMs.length,
      falseDeaths,
      busySeconds: busyMs / 1000,
    },
    ratios: { deadP50VsSerf: percentile(meshMs, 0.5) / percentile(serfMs, 0.5) },
  });
} finally {
  await cleanUp();
}

/** Pulls cables, each at its own moment; puts them back when everybody has noticed, and waits until all is as before. */
async function cut(
  machines: readonly Host[],
  mesh: BenchMesh,
  serf?: BenchSerf,
): Promise<{ readonly meshMs: readonly number[]; readonly serfMs: readonly number[] }> {
  const deathsBefore = mesh.deaths.length;
  const failuresBefore = serf?.failures.length ?? 0;
  const cutAtMs = new Map<string, number>();
  await Promise.all(
    machines.map(async (host) => {
      await sleep(Math.random() * SPREAD_MS);
      cutAtMs.set(host.name, performance.now());
      await host.cut();
    }),
  );
  await mesh.until(machines, 'dead');
  await serf?.untilFailed(machines);
  await Promise.all(machines.map((host) => host.heal()));
  await mesh.until(machines, 'alive');
  await serf?.untilJoined(machines);

  return {
    meshMs: toDelays(mesh.deaths.slice(deathsBefore), cutAtMs),
    serfMs: toDelays(serf?.failures.slice(failuresBefore) ?? [], cutAtMs),
  };
}

/** From each cut to the first time that its machine was missed. Machines missed without a cut are not counted here. */
function toDelays(
  missed: readonly { readonly node: string; readonly atMs: number }[],
  cutAtMs: ReadonlyMap<string, number>,
): readonly number[] {
  return [...cutAtMs].flatMap(([node, fromMs]) => {
    const first = missed.find((one) => one.node === node);
    return first === undefined ? [] : [first.atMs - fromMs];
  });
}

function words(ms: readonly number[]): string {
  return `${ms.map((one) => Math.round(one)).join(', ')} ms`;
}

/** More processes than cores, none of which ever waits. */
async function keepBusy(ms: number): Promise<void> {
  const burners = createChildren();
  for (let n = 0; n < 2 * availableParallelism(); n += 1)
    burners.start([process.execPath, '-e', 'for (;;);']);
  await sleep(ms);
  await burners.endAll();
}

/** Nearest rank: of fewer than 100 values the 99th percentile is the largest. */
function percentile(all: readonly number[], share: number): number {
  const sorted = all.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? NaN);
}

async function cleanUp(): Promise<void> {
  over.abort();
  for (const set of ended) await set.endAll();
  // The Redis of a main node that ended badly lives on.
  for (const { pid } of findLeftProcesses(root)) process.kill(pid, 'SIGKILL');
  await hosts.remove();
  if (values.keep) return console.error(`logs are in ${root}`);
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
}
