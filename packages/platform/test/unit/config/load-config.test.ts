import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MainNodeConfig, MeshError, WorkerNodeConfig } from '@meshwork/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConfigProblem } from '../../../src/config/config-layers.ts';
import { describeConfig, showConfig } from '../../../src/config/describe-config.ts';
import { loadConfig, type ConfigSources } from '../../../src/config/load-config.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mesh-config-'));
  path = join(dir, 'config.yaml');
});
afterEach(() => rmSync(dir, { recursive: true }));

const load = (sources: ConfigSources = {}) =>
  loadConfig(MainNodeConfig, { file: { path }, ...sources });

async function problemsOf(sources: ConfigSources = {}): Promise<readonly ConfigProblem[]> {
  const error: unknown = await load(sources).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MeshError);
  expect(error).toMatchObject({ code: 'MESH_CONFIG_INVALID' });
  return (error as MeshError).details?.['problems'] as readonly ConfigProblem[];
}

test('without any source the defaults hold, durations in ms and sizes in bytes', async () => {
  const config = await load();

  expect(config.value.http.port).toBe(8080);
  expect(config.value.detection.suspectAfter).toBe(1000);
  expect(config.value.redis.maxMemory).toBe(512 * 1024 * 1024);
  expect(config.isSet('http.port')).toBe(false);
  expect(config.sourceOf('http.port')).toBe('default');
});

test('file, overlay, variables and flags win in this order, and each value knows its source', async () => {
  writeFileSync(
    path,
    'http:\n  host: 10.0.0.1\n  port: 1\nlog:\n  level: warn\nevents: { keep: 200 }\n',
  );
  writeFileSync(join(dir, 'config.lab.yaml'), 'http: { port: 2 }\nlog: { level: error }\n');

  const config = await load({
    overlay: 'lab',
    env: { MESH_HTTP_PORT: '3', MESH_EVENTS_KEEP: '300', PATH: '/bin' },
    flags: { 'http.port': '4', 'log.level': undefined },
  });

  expect(config.value.http).toEqual({ host: '10.0.0.1', port: 4 });
  expect(config.value.log.level).toBe('error');
  expect(config.value.events.keep).toBe(300);
  expect(config.sourceOf('http.host')).toBe(`${path}:2`);
  expect(config.sourceOf('log.level')).toBe(`${join(dir, 'config.lab.yaml')}:2`);
  expect(config.sourceOf('events.keep')).toBe('MESH_EVENTS_KEEP');
  expect(config.sourceOf('http.port')).toBe('--http.port');
  expect(config.isSet('http.port')).toBe(true);
});

test('tells all problems at once, each with source, line, path and reason', async () => {
  writeFileSync(
    path,
    [
      'http:',
      '  prot: 80',
      'redis:',
      '  maxMemory: lots',
      'detection:',
      '  deadAfter: 2 weeks',
      '',
    ].join('\n'),
  );

  const problems = await problemsOf({
    env: { MESH_HTTP_PROT: '1', MESH_CONTROL_PORT: 'high', MESH_TOKEN: 'for somebody else' },
    flags: { 'log.levle': 'info' },
  });

  expect(problems).toHaveLength(6);
  expect(problems).toEqual(
    expect.arrayContaining([
      {
        source: path,
        line: 2,
        path: 'http.prot',
        reason: 'unknown key "prot"; did you mean "port"?',
      },
      {
        source: path,
        line: 4,
        path: 'redis.maxMemory',
        reason: expect.stringContaining('"lots" is not a size'),
      },
      {
        source: path,
        line: 6,
        path: 'detection.deadAfter',
        reason: expect.stringContaining('not a duration'),
      },
      { source: 'MESH_HTTP_PROT', path: '', reason: 'no such key; did you mean "MESH_HTTP_PORT"?' },
      {
        source: 'MESH_CONTROL_PORT',
        path: 'control.port',
        reason: expect.stringContaining('number'),
      },
      { source: '--log.levle', path: '', reason: 'no such key; did you mean "log.level"?' },
    ]),
  );
});

test('names the line of broken YAML and of a key given twice', async () => {
  writeFileSync(path, 'http:\n  port: 1\n  port: 2\nlog: [\n');

  const problems = await problemsOf();

  expect(problems).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ source: path, line: 3, reason: expect.stringMatching(/unique/i) }),
    ]),
  );
});

test.each(['- a list\n', '42\n'])('refuses a file that is no map: %j', async (text) => {
  writeFileSync(path, text);

  expect(await problemsOf()).toEqual([expect.objectContaining({ source: path, line: 1 })]);
});

test('a file that was named must be there', async () => {
  expect(await problemsOf({ file: { path, isRequired: true } })).toEqual([
    { source: path, path: '', reason: expect.stringContaining('ENOENT') },
  ]);
});

test('a section without keys and an empty variable set nothing', async () => {
  writeFileSync(path, 'http:\nlog:\n  # level: debug\n');

  const config = await load({ env: { MESH_HTTP_PORT: '' } });

  expect(config.value.http.port).toBe(8080);
  expect(config.isSet('http.port')).toBe(false);
});

test('lists, maps and numbers can be given as variables', async () => {
  const main = await load({
    env: { MESH_REDIS_ACCEPT_LOSS: '[aof-everysec]', MESH_REDIS_MAX_MEMORY: '64MiB' },
  });
  const worker = await loadConfig(WorkerNodeConfig, {
    env: { MESH_LABELS: '{gpu: "true"}', MESH_NODE: 'pc2' },
  });

  expect(main.value.redis.acceptLoss).toEqual(['aof-everysec']);
  expect(main.value.redis.maxMemory).toBe(64 * 1024 * 1024);
  expect(worker.value.labels).toEqual({ gpu: 'true' });
  expect(worker.value.node).toBe('pc2');
});

test('a loaded config cannot be changed', async () => {
  const config = await load();

  expect(() => Object.assign(config.value.http, { port: 1 })).toThrow(TypeError);
});

test('shows every key with value and source, without the password of a URL', async () => {
  const config = await load({ env: { MESH_REDIS_URL: 'redis://mesh:hunter2@10.0.0.9:6379' } });

  const rows = showConfig(MainNodeConfig, config);

  expect(rows.map((row) => row.path)).toEqual(
    describeConfig(MainNodeConfig).map((key) => key.path),
  );
  expect(rows.find((row) => row.path === 'redis.url')).toEqual({
    path: 'redis.url',
    value: 'redis://mesh:[redacted]@10.0.0.9:6379',
    text: 'redis://mesh:[redacted]@10.0.0.9:6379',
    source: 'MESH_REDIS_URL',
  });
  expect(rows.find((row) => row.path === 'detection.deadAfter')).toMatchObject({
    value: 2000,
    text: '2.0s',
    source: 'default',
  });
});

test('every key of both daemons is described with a variable of its own, a type and a doc', () => {
  for (const schema of [MainNodeConfig, WorkerNodeConfig]) {
    const keys = describeConfig(schema);

    expect(new Set(keys.map((key) => key.variable)).size).toBe(keys.length);
    expect(keys.filter((key) => key.doc === '' || key.type === 'value')).toEqual([]);
  }
  expect(describeConfig(MainNodeConfig)).toContainEqual({
    path: 'redis.maxMemory',
    variable: 'MESH_REDIS_MAX_MEMORY',
    type: 'size',
    default: '512MiB',
    doc: 'Memory of the embedded Redis.',
  });
});
