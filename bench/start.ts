/**
 * Time from `mesh up` to all 77 agents of the example ready, both worker nodes on this machine, from a cold stop each time: what
 * somebody waits for after a reboot. The fleet is in the store already; installing is not counted.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readLock } from '@meshwork/platform';
import { Status } from '@meshwork/shared';
import { findLeftProcesses, until } from '@meshwork/testkit';
import { printResult } from './result.ts';

const AGENTS = 77;
const RUNS = 3;
const cli = fileURLToPath(new URL('../packages/cli/src/main.ts', import.meta.url));
const root = await mkdtemp(join(tmpdir(), 'bench-start-'));
const dir = join(root, '.mesh');
const env = {
  ...process.env,
  MESH_HTTP_PORT: '0',
  MESH_CONTROL_PORT: '0',
  MESH_ENROLMENT_PORT: '0',
};

try {
  await stop(await runUntilReady('start'));
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const fromMs = performance.now();
    const up = await runUntilReady('up');
    times.push(performance.now() - fromMs);
    await stop(up);
  }
  times.sort((a, b) => a - b);
  printResult({
    name: 'start',
    figures: {
      fleetReadyMs: Math.round(times[Math.floor(RUNS / 2)] ?? Number.NaN),
      slowestMs: Math.round(times.at(-1) ?? Number.NaN),
      agents: AGENTS,
    },
    ratios: {},
  });
} finally {
  for (const { pid } of findLeftProcesses(dir)) process.kill(pid, 'SIGKILL');
  await rm(root, { recursive: true, force: true });
}

/** Starts `mesh start` or `mesh up` and waits until every agent is ready. */
async function runUntilReady(command: 'start' | 'up'): Promise<ChildProcess> {
  const argv = ['--disable-warning=ExperimentalWarning', cli, command, '--dir', dir];
  const child = spawn(process.execPath, argv, { cwd: root, env, stdio: 'ignore' });
  await until(
    `${AGENTS} agents are ready`,
    async () => {
      if (child.exitCode !== null) throw new Error(`mesh ${command} ended with ${child.exitCode}`);
      const status = await readStatus();
      return status?.agents.filter((agent) => agent.state === 'ready').length === AGENTS;
    },
    { withinMs: 90_000 },
  );
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGINT');
  await once(child, 'exit');
  const left = findLeftProcesses(dir);
  if (left.length > 0) throw new Error(`${left.length} processes were left after Ctrl-C`);
}

async function readStatus(): Promise<Status | undefined> {
  const { host, port } = readLock(join(dir, 'main-node'))?.endpoints['http'] ?? {};
  if (port === undefined) return undefined;
  const token = await readFile(join(dir, 'main-node', 'api-token'), 'utf8');
  const headers = { authorization: `Bearer ${token.trim()}` };
  const answer = await fetch(`http://${host}:${port}/v1/status`, { headers }).catch(
    () => undefined,
  );
  return answer?.ok === true ? Status.parse(await answer.json()) : undefined;
}
