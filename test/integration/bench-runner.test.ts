import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { runBench } from '../../bench/run-bench.ts';

describe('a benchmark', () => {
  it('passes with its result as the last line', async () => {
    const { problem, lines } = await run('good');

    expect(problem).toBeUndefined();
    expect(lines).toEqual([
      'measuring',
      '{"name":"good","figures":{"p99Ms":2},"ratios":{"vsPeer":1.5}}',
    ]);
  });

  it('prints only its result with --json', async () => {
    const { lines } = await run('good', { args: ['--json'] });

    expect(lines).toHaveLength(1);
  });

  it('fails with its exit code, whatever it printed', async () => {
    const { problem } = await run('failing');

    expect(problem).toBe('it ended with code 3');
  });

  it('is killed past its limit, also when it ignores SIGTERM', async () => {
    const { problem } = await run('endless', { limitMs: 300 });

    expect(problem).toBe('it ran longer than 0.3 s');
  });

  it('is ended when its caller is told to stop', async () => {
    const { problem } = await run('endless', { signal: AbortSignal.timeout(300) });

    expect(problem).toBe('it was stopped');
  });

  it('leaves no process, not even a detached one, and does not wait for it', async () => {
    const { problem } = await run('leaving');

    // That the process is gone is what the leak check of this file asserts.
    expect(problem).toBeUndefined();
  });
});

async function run(
  name: string,
  options: { args?: readonly string[]; limitMs?: number; signal?: AbortSignal } = {},
): Promise<{ problem: string | undefined; lines: readonly string[] }> {
  const lines: string[] = [];
  const problem = await runBench({
    path: join(import.meta.dirname, `fixtures/bench/${name}.ts`),
    args: options.args ?? [],
    limitMs: options.limitMs ?? 30_000,
    graceMs: 200,
    signal: options.signal ?? new AbortController().signal,
    print: (line) => lines.push(line),
  });
  return { problem, lines };
}
