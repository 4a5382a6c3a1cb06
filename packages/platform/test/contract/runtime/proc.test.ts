import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('a living process is never taken for ended because there are no file descriptors left', () => {
  const fixture = join(import.meta.dirname, '../../fixtures/look-without-descriptors.ts');
  const answer = execFileSync(
    'sh',
    ['-c', 'ulimit -n 200; exec "$0" "$1"', process.execPath, fixture],
    { encoding: 'utf8' },
  );
  expect(answer.trim()).toBe('EMFILE');
});
