/**
 * `pnpm check`: every check that needs no running part, side by side, under a minute on two cores.
 *
 * Prints a line a part with its duration; the output of a part is shown only when it fails.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

interface Part {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

interface Outcome {
  readonly part: Part;
  readonly isOk: boolean;
  readonly output: string;
  readonly durationMs: number;
}

/** Longest first, so that the last one to finish is a short one. */
const PARTS: readonly Part[] = [
  { name: 'unit', command: ['vitest', 'run', '--project', 'unit'] },
  { name: 'lint', command: ['oxlint', '--type-aware'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'unused', command: ['knip', '--no-config-hints'] },
  { name: 'format', command: ['oxfmt', '--check'] },
  { name: 'docs', command: ['node', 'scripts/docs.ts', '--check'] },
  { name: 'licenses', command: ['node', 'scripts/check-licenses.ts'] },
  { name: 'layers', command: ['node', 'scripts/check-layers.ts'] },
];

process.exitCode = (await runAll(pickParts(process.argv.slice(2)))) ? 0 : 1;

/** `pnpm check`: all parts. `pnpm check lint types`: those. `pnpm check --without unit`: the others. */
function pickParts(args: readonly string[]): readonly Part[] {
  const isWithout = args[0] === '--without';
  const names = isWithout ? args.slice(1) : args;
  const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0) {
    const known = PARTS.map((part) => part.name).join(', ');
    console.error(`There is no check named ${unknown.join(', ')}. Known: ${known}.`);
    process.exit(2);
  }
  if (names.length === 0) return PARTS;
  return PARTS.filter((part) => names.includes(part.name) !== isWithout);
}

async function runAll(parts: readonly Part[]): Promise<boolean> {
  const startedAtMs = performance.now();
  const waiting = [...parts];
  const outcomes: Outcome[] = [];
  async function work(): Promise<void> {
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const outcome = await runPart(part);
      outcomes.push(outcome);
      report(outcome);
    }
  }
  const lanes = Math.max(1, Math.min(availableParallelism(), 4));
  await Promise.all(Array.from({ length: lanes }, work));
  const failed = outcomes.filter((outcome) => !outcome.isOk).map(({ part }) => part.name);
  const verdict = failed.length === 0 ? 'all checks passed' : `failed: ${failed.join(', ')}`;
  console.log(`${verdict} (${toSeconds(performance.now() - startedAtMs)})`);
  return failed.length === 0;
}

function runPart(part: Part): Promise<Outcome> {
  const startedAtMs = performance.now();
  const [program, ...args] = part.command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    function finish(isOk: boolean, reason?: string): void {
      const output = Buffer.concat(chunks).toString() + (reason ?? '');
      resolve({ part, isOk, output, durationMs: performance.now() - startedAtMs });
    }
    child.on('error', (error) => finish(false, `${program}: ${error.message}\n`));
    child.on('close', (code) => finish(code === 0));
  });
}

function report({ part, isOk, output, durationMs }: Outcome): void {
  console.log(`${isOk ? 'ok    ' : 'FAILED'} ${part.name} (${toSeconds(durationMs)})`);
  if (!isOk) console.log(output.trimEnd());
}

function toSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
