import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLogFile } from '../../../src/base/log-file.ts';
import { createLogger } from '../../../src/base/logger.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mesh-log-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function linesOf(file: string): Record<string, unknown>[] {
  return readFileSync(join(dir, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('writes one JSON object a line with fields, error and constant message', () => {
  const owner = createLogger({ name: 'main-node', destination: join(dir, 'log') });
  const logger = owner.child({ node: 'pc2' });

  logger.warn({ err: new Error('away'), attempt: 2 }, 'store is away');
  logger.debug({}, 'not said at level info');
  owner.close();

  expect(linesOf('log')).toMatchObject([
    {
      level: 'warn',
      name: 'main-node',
      node: 'pc2',
      attempt: 2,
      msg: 'store is away',
      err: { message: 'away' },
    },
  ]);
});

test('redacts tokens and secrets, also one level down', () => {
  const logger = createLogger({ name: 'cli', destination: join(dir, 'log') });

  logger.info({ token: 't0p', request: { authorization: 'Bearer t0p', path: '/v1' } }, 'asked');
  logger.close();

  const text = readFileSync(join(dir, 'log'), 'utf8');
  expect(text).not.toContain('t0p');
  expect(text).toContain('/v1');
});

test('keeps a bounded number of full log files and loses no line between them', () => {
  const file = openLogFile({ path: join(dir, 'log'), maxBytes: 100, keep: 20 });

  for (let n = 0; n < 50; n += 1) file.write(`line ${n}\n`);
  file.close();

  const text = readdirSync(dir)
    .toSorted((a, b) => Number(b.split('.')[1] ?? 0) - Number(a.split('.')[1] ?? 0))
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .join('');
  expect(text).toBe(Array.from({ length: 50 }, (_, n) => `line ${n}\n`).join(''));
});

test('drops the oldest file at the bound', () => {
  const file = openLogFile({ path: join(dir, 'log'), maxBytes: 20, keep: 1 });

  for (let n = 0; n < 50; n += 1) file.write(`line ${n}\n`);
  file.close();

  expect(readdirSync(dir).toSorted()).toEqual(['log', 'log.1']);
});
