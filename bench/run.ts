/**
 * `pnpm bench NAME [--json] [options]`: runs `bench/NAME.ts` as a process of its own.
 *
 * The last line of stdout is the benchmark's one JSON object `{name, figures, ratios}`; with
 * `--json` it is the only one. A benchmark fails that ends with another code than 0, ends without
 * that object, or runs longer than 4 minutes. What it started ends with it: its process group, and
 * whatever else works in the temporary folder that it gets through TMPDIR.
 */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { findLeftProcesses } from '@meshwork/testkit';

import { findResultProblem } from './result.ts';

const LIMIT_MS = 240_000;
/** From SIGTERM, which lets a benchmark end what it started, to SIGKILL. */
const GRACE_MS = 10_000;

const [bench, ...options] = process.argv.slice(2);
if (bench === undefined || !listNames().includes(bench)) {
  console.error(
    bench === undefined ? 'Which benchmark?' : `There is no benchmark named ${bench}.`,
    `Known: ${listNames().join(', ') || 'none'}.`,
  );
  process.exit(2);
}
const problem = await run(bench, options);
if (problem !== undefined) console.error(`bench ${bench} failed: ${problem}`);
process.exit(problem === undefined ? 0 : 1);

/** Resolves with why the benchmark failed, or with nothing. */
async function run(name: string, args: readonly string[]): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'mb-'));
  const child = spawn(process.execPath, [toPath(name), ...args], {
    env: { ...process.env, TMPDIR: folder },
    // A group of its own, so that all it started can be ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const isJsonOnly = args.includes('--json');
  let last = '';
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    if (last !== '' && !isJsonOnly) console.log(last);
    if (line.trim() !== '') last = line;
  });
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    endGroup(child.pid);
  }, LIMIT_MS);
  for (const one of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(one, () => endGroup(child.pid));
  }
  const closed = new Promise((resolve) => child.once('close', resolve));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  clearTimeout(limit);
  signalGroup(child.pid, 'SIGKILL');
  for (const left of findLeftProcesses(folder)) signal(left.pid, 'SIGKILL');
  await closed;
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  console.log(last);
  if (isLate) return `it ran longer than ${LIMIT_MS / 1000} s`;
  if (code !== 0) return `it ended with ${code === null ? 'a signal' : `code ${code}`}`;
  return findResultProblem(name, last);
}

function endGroup(pid: number | undefined): void {
  signalGroup(pid, 'SIGTERM');
  setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE_MS).unref();
}

/** The group's id is the pid of its first process; it is not given away while one of it lives. */
function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid !== undefined) signal(-pid, name);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function toPath(name: string): string {
  return fileURLToPath(new URL(`${name}.ts`, import.meta.url));
}

/** A file in this folder that is not one of the two of the harness is a benchmark. */
function listNames(): readonly string[] {
  return globSync(fileURLToPath(new URL('*.ts', import.meta.url)))
    .map((path) => basename(path, '.ts'))
    .filter((one) => one !== 'run' && one !== 'result')
    .toSorted();
}
