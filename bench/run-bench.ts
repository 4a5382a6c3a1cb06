import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { findLeftProcesses } from '@meshwork/testkit';

import { findResultProblem } from './result.ts';

/** How one benchmark is run. */
export interface BenchRun {
  /** The file; its name without `.ts` is the benchmark's. */
  readonly path: string;
  readonly args: readonly string[];
  readonly limitMs: number;
  /** From SIGTERM, which lets the benchmark end what it started, to SIGKILL. */
  readonly graceMs: number;
  /** Ends the benchmark early. */
  readonly signal: AbortSignal;
  /** Gets each line of stdout, the result last; with `--json` among `args` only the result. */
  readonly print: (line: string) => void;
}

/**
 * Runs one benchmark as a process of its own; resolves with why it failed, or with nothing.
 *
 * What it started ends with it: its process group, and whatever else works in the temporary folder
 * that it gets through TMPDIR.
 */
export async function runBench(run: BenchRun): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'mb-'));
  const child = spawn(process.execPath, [run.path, ...run.args], {
    env: { ...process.env, TMPDIR: folder },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const takeLast = printAllButLast(child.stdout, run);
  let endedBy: string | undefined;
  let kill: NodeJS.Timeout | undefined;
  function end(reason: string): void {
    endedBy ??= reason;
    signalGroup(child.pid, 'SIGTERM');
    kill ??= setTimeout(() => signalGroup(child.pid, 'SIGKILL'), run.graceMs);
  }
  const limit = setTimeout(() => end(`it ran longer than ${run.limitMs / 1000} s`), run.limitMs);
  run.signal.addEventListener('abort', () => end('it was stopped'), { once: true });

  // Its output stays open as long as anything it left behind lives, so exit is what counts.
  const closed = new Promise((resolve) => child.once('close', resolve));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  clearTimeout(limit);
  clearTimeout(kill);
  signalGroup(child.pid, 'SIGKILL');
  for (const left of findLeftProcesses(folder)) signal(left.pid, 'SIGKILL');
  await closed;
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

  const last = takeLast();
  run.print(last);
  if (endedBy !== undefined) return endedBy;
  if (code !== 0) return `it ended with ${code === null ? 'a signal' : `code ${code}`}`;
  return findResultProblem(basename(run.path, '.ts'), last);
}

function printAllButLast(stdout: NodeJS.ReadableStream, run: BenchRun): () => string {
  const isJsonOnly = run.args.includes('--json');
  let last = '';
  createInterface({ input: stdout }).on('line', (line) => {
    if (line.trim() === '') return;
    if (last !== '' && !isJsonOnly) run.print(last);
    last = line;
  });
  return () => last;
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
