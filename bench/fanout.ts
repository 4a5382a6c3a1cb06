/**
 * One call to 200 nodes, and what their heartbeats cost the main node, against a plain ROUTER with CURVE.
 *
 * Nodes are real sockets in several processes. The two peers take turns, so what else the machine does hits both alike.
 */
import { printResult } from './result.ts';
import type { FanoutCalls, FanoutCpu } from './fanout/fanout.ts';
import { median, quantile } from './wire/load.ts';
import { startSide, type Side } from './wire/side.ts';

const NODES = 200;
const PROCESSES = 4;
const CALLS = 200;
/** Until the code of both is compiled, as it is in a daemon that has run for a minute. */
const WARM_UP_CALLS = 200;
const CALL_ROUNDS = 10;
const CPU_ROUNDS = 2;
const CPU_MS = 10_000;
const PEERS = ['mesh', 'plain'] as const;
type Peer = (typeof PEERS)[number];

interface Fleet {
  readonly main: Side;
  readonly all: readonly Side[];
}

const started: Side[] = [];

async function start(peer: Peer, role: 'node' | 'heartbeat'): Promise<Fleet> {
  const sides: Side[] = [];
  const begin = async (name: string, args: readonly string[]): Promise<Side> => {
    const side = await startSide(name, args, 'fanout');
    sides.push(side);
    started.push(side);
    return side;
  };
  const main = await begin(`${peer}-main`, [String(NODES)]);
  const share = NODES / PROCESSES;
  for (let n = 0; n < PROCESSES; n += 1) {
    const range = [n * share, (n + 1) * share].map(String);
    await begin(`${peer}-nodes`, [String(main.ready), ...range, role]);
  }
  const deadlineMs = performance.now() + 30_000;
  while ((await main.ask({ what: 'bound' })) !== NODES) {
    if (performance.now() > deadlineMs) throw new Error(`not all nodes of ${peer} came`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { main, all: sides };
}

const stop = (sides: readonly Side[]) => Promise.all(sides.map((side) => side.stop()));

async function measureCalls(): Promise<Record<Peer, FanoutCalls>> {
  const fleets = { mesh: await start('mesh', 'node'), plain: await start('plain', 'node') };
  const tookMs: Record<Peer, number[]> = { mesh: [], plain: [] };
  const count = { mesh: { asked: 0, answered: 0 }, plain: { asked: 0, answered: 0 } };
  for (const peer of PEERS) await fleets[peer].main.ask({ what: 'call', times: WARM_UP_CALLS });
  for (let round = 0; round < CALL_ROUNDS; round += 1) {
    for (const peer of PEERS) {
      const ask = { what: 'call', times: CALLS / CALL_ROUNDS };
      const calls = (await fleets[peer].main.ask(ask)) as FanoutCalls;
      tookMs[peer].push(...calls.tookMs);
      count[peer].asked += calls.asked;
      count[peer].answered += calls.answered;
    }
  }
  for (const peer of PEERS) await stop(fleets[peer].all);
  return {
    mesh: { tookMs: tookMs.mesh, ...count.mesh },
    plain: { tookMs: tookMs.plain, ...count.plain },
  };
}

async function measureCpu(peer: Peer): Promise<FanoutCpu> {
  const { main, all } = await start(peer, 'heartbeat');
  // The nodes' hellos and what they make the compiler do are over.
  await main.ask({ what: 'cpu', durationMs: 3_000 });
  const cpu = (await main.ask({ what: 'cpu', durationMs: CPU_MS })) as FanoutCpu;
  await stop(all);
  const expected = (NODES * CPU_MS) / 500;
  if (cpu.heartbeats < expected * 0.95)
    throw new Error(`only ${cpu.heartbeats} heartbeats of ${expected}`);
  return cpu;
}

try {
  const calls = await measureCalls();
  const medianMs = { mesh: median(calls.mesh.tookMs), plain: median(calls.plain.tookMs) };
  console.log(
    `one call to ${NODES} nodes: mesh ${medianMs.mesh.toFixed(1)} ms, plain ${medianMs.plain.toFixed(1)} ms`,
  );
  const cores: Record<Peer, number[]> = { mesh: [], plain: [] };
  for (let round = 0; round < CPU_ROUNDS; round += 1) {
    for (const peer of PEERS) cores[peer].push((await measureCpu(peer)).cores);
    console.log(
      `heartbeats: mesh ${cores.mesh.at(-1)?.toFixed(4)} cores, plain ${cores.plain.at(-1)?.toFixed(4)}`,
    );
  }
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  printResult({
    name: 'fanout',
    figures: {
      answeredRatio: calls.mesh.answered / calls.mesh.asked,
      medianMs: medianMs.mesh,
      p99Ms: quantile(
        calls.mesh.tookMs.toSorted((a, b) => a - b),
        0.99,
      ),
      plainMedianMs: medianMs.plain,
      cpuCores: mean(cores.mesh),
      plainCpuCores: mean(cores.plain),
    },
    ratios: {
      vsPlainLoop: medianMs.mesh / medianMs.plain,
      cpuVsPlainRouter: mean(cores.mesh) / mean(cores.plain),
    },
  });
} finally {
  await stop(started);
}
