/**
 * Supervision beside PM2: time to the first line of 50 programs, time from `kill -9` to the next line, and what the
 * supervisor's own processes (daemon, shims, pumps) weigh per program.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createWorkerRig, findLeftProcesses, type WorkerRig } from '@meshwork/testkit';
import { printResult } from './result.ts';
import { installPm2, openPm2, type Side } from './supervise/pm2-side.ts';
import { createWitnesses, median, type Witnesses } from './supervise/witness.ts';

const COUNT = 50;
/** Memory is read once garbage of the start had time to go. */
const SETTLE_MS = 5_000;

const root = await mkdtemp(join(tmpdir(), 'bench-supervise-'));
const rig = await createWorkerRig();
let pm2: Side | undefined;
try {
  const pm2Dir = await installPm2();

  const daemonPid = await rig.start();
  await delay(SETTLE_MS);
  const before = pssOfMesh(rig);
  const ours = createWitnesses(join(root, 'ours'), COUNT);
  const mesh = openMesh(rig, ours);
  const startMs = await timed(() => mesh.startAll());
  await mesh.findPids();
  await delay(SETTLE_MS);
  const perAgentPssBytes = (pssOfMesh(rig) - before) / COUNT;
  const workerRssBytes = readKb(`/proc/${daemonPid}/status`, 'VmRSS');
  const restarts = await killAll(mesh);
  await mesh.stop();
  ours.close();

  const theirs = createWitnesses(join(root, 'pm2'), COUNT);
  pm2 = await openPm2(pm2Dir, join(root, 'pm2-home'), theirs);
  const peer = pm2;
  const pm2StartMs = await timed(() => peer.startAll());
  await peer.findPids();
  const pm2Restarts = await killAll(peer);
  theirs.close();

  printResult({
    name: 'supervise',
    figures: {
      startMs: round(startMs),
      pm2StartMs: round(pm2StartMs),
      restartP50Ms: round(median(restarts)),
      pm2RestartP50Ms: round(median(pm2Restarts)),
      perAgentPssBytes: Math.round(perAgentPssBytes),
      workerRssBytes,
    },
    ratios: {
      startVsPm2: round(startMs / pm2StartMs),
      restartVsPm2: round(median(restarts) / median(pm2Restarts)),
    },
  });
} finally {
  await pm2?.stop();
  await rig.stop();
  await rm(root, { recursive: true, force: true });
}
// PM2's client leaves sockets of its own open.
process.exit(0);

function openMesh(worker: WorkerRig, witnesses: Witnesses): Side {
  const agents = (desired: 'run' | 'stop') =>
    Object.fromEntries(
      Array.from({ length: witnesses.count }, (_, index) => [
        `w${index}`,
        { spec: { command: witnesses.argv(index), cwd: root }, desired },
      ]),
    );
  const pidOf = (index: number): number => worker.report(`w${index}`)?.pid ?? NaN;
  return {
    async startAll() {
      const written = witnesses.nextOfAll();
      worker.assign(agents('run'));
      await written;
    },
    async findPids() {
      for (let index = 0; index < witnesses.count; index += 1) {
        await worker.untilState(`w${index}`, 'ready', 30_000);
      }
    },
    async killOne(index) {
      const written = witnesses.next(index);
      const fromMs = performance.now();
      process.kill(pidOf(index), 'SIGKILL');
      await written;
      return performance.now() - fromMs;
    },
    async stop() {
      await worker.kill('SIGUSR2');
    },
  };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const fromMs = performance.now();
  await work();
  return performance.now() - fromMs;
}

/** One after the other, as programs crash. */
async function killAll(side: Side): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < COUNT; index += 1) times.push(await side.killOne(index));
  return times;
}

/** Daemon, shims and pumps: every process of the rig but the agents' own programs. */
function pssOfMesh(worker: WorkerRig): number {
  const pids = new Set(findLeftProcesses(worker.dir).map(({ pid }) => pid));
  for (let index = 0; index < COUNT; index += 1) pids.delete(worker.report(`w${index}`)?.pid ?? 0);
  let bytes = 0;
  for (const pid of pids) bytes += readKb(`/proc/${pid}/smaps_rollup`, 'Pss');
  return bytes;
}

/** A figure in kB of a file under /proc, as bytes; 0 when the process has gone meanwhile. */
function readKb(path: string, name: string): number {
  try {
    const text = readFileSync(path, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
