import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

const FIXTURES = join(import.meta.dirname, 'fixtures/leaks');
const VITEST = join(
  dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
);

describe('a test file', () => {
  let run: Output = { stdout: '', stderr: '' };
  beforeAll(async () => {
    run = await runVitest({ MESHWORK_CI: '' });
  });

  it.each([
    ['timer', '1 open Timeout'],
    ['server', '1 open TCPServerWrap'],
    ['file', /open descriptor on \/.*left-open/],
    ['child', /process \d+: sleep 300/],
    ['orphan', /process \d+: sleep 300/],
  ])('fails when it leaves a %s', (name, reason) => {
    const report = run.stderr.split(' FAIL ').find((part) => part.startsWith(` ${name}.leak.ts`));

    expect(report).toMatch(reason);
  });

  it('passes when it ended all it started, though its own files are still there', () => {
    expect(run.stdout).toContain('✓ clean.leak.ts');
    expect(run.stderr).not.toContain('clean.leak.ts');
  });

  it('counts as failed though its tests passed', () => {
    expect(run.stdout.trimEnd().split('\n').at(-1)).toBe('7 passed, 5 failed, 2 skipped');
  });

  it('that is skipped is listed with its reason', () => {
    expect(run.stdout).toContain(
      '- needs.leak.ts > asks for a Docker engine: needs a Docker engine\n',
    );
    expect(run.stdout).toContain(
      '- skip.leak.ts > is left out without a reason: no reason given\n',
    );
  });

  it('that needs what is missing fails in CI, and so does one that is skipped', async () => {
    const ci = await runVitest({ MESHWORK_CI: '1' }, 'needs.leak', 'skip.leak');

    expect(ci.stderr).toContain('Cannot run here: needs a Docker engine.');
    expect(ci.stdout).toMatch(/\n1 passed, 2 failed\n$/);
  });
});

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the fixtures in a vitest of their own and returns what it prints. */
function runVitest(env: NodeJS.ProcessEnv, ...filters: readonly string[]): Promise<Output> {
  const options = {
    cwd: FIXTURES,
    env: { ...process.env, NO_COLOR: '1', MESHWORK_LEAK_SETTLE_MS: '1000', ...env },
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [VITEST, 'run', ...filters], options, (_, stdout, stderr) =>
      resolve({ stdout, stderr }),
    );
  });
}
