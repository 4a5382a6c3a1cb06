/**
 * `pnpm bench NAME [--json] [options]`: runs `bench/NAME.ts` as a process of its own.
 *
 * The last line of stdout is the benchmark's one JSON object `{name, figures, ratios}`; with
 * `--json` it is the only one. A benchmark fails that ends with another code than 0, ends without
 * that object, or runs longer than 4 minutes.
 */
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';

import { runBench } from './run-bench.ts';

const LIMIT_MS = 240_000;
const GRACE_MS = 10_000;
/** Files of the harness; every other file beside them is a benchmark. */
const HARNESS = ['run', 'run-bench', 'result'];

const names = globSync(join(import.meta.dirname, '*.ts'))
  .map((path) => basename(path, '.ts'))
  .filter((name) => !HARNESS.includes(name))
  .toSorted();
const [name, ...args] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  console.error(
    name === undefined ? 'Which benchmark?' : `There is no benchmark named ${name}.`,
    `Known: ${names.join(', ') || 'none'}.`,
  );
  process.exit(2);
}

const stopping = new AbortController();
for (const one of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(one, () => stopping.abort());
}
const problem = await runBench({
  path: join(import.meta.dirname, `${name}.ts`),
  args,
  limitMs: LIMIT_MS,
  graceMs: GRACE_MS,
  signal: stopping.signal,
  print: (line) => console.log(line),
});
if (problem !== undefined) console.error(`bench ${name} failed: ${problem}`);
process.exit(problem === undefined ? 0 : 1);
