import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { commands } from '@meshwork/cli';
import { FailureAnswer } from '@meshwork/shared';
import { startRealMesh, until, type RealMesh } from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { openMeshShell, type MeshShell } from './mesh-folder.ts';

const run = promisify(execFile);
const fleet = {
  fleet: 'lab',
  agents: {
    echo: {
      command: ['/usr/bin/python3', resolve('test/fixtures/agents/echo.py'), '${port.http}'],
      ports: { http: 'auto' },
      health: { http: { port: 'http' }, interval: '1s' },
      calls: { http: 'http' },
    },
    ticker: { command: ['sh', '-c', 'while :; do echo tick; sleep 0.1; done'] },
  },
};

let mesh: RealMesh;
let shell: MeshShell;
beforeAll(async () => {
  mesh = await startRealMesh();
  shell = openMeshShell(mesh.work, { env: { MESH_DIR: mesh.dir } });
  await writeFile(join(mesh.work, 'fleet.yaml'), stringify(fleet));
  await mesh.apply(fleet);
  await mesh.untilReady({ agents: 2 });
}, 60_000);
afterAll(async () => {
  shell?.close();
  await mesh?.stop();
}, 60_000);

/** Every command that prints an answer here. The others wait for somebody, or end the mesh; their own tests look at them. */
const printing: readonly (readonly [path: string, ...args: string[]])[] = [
  ['status'],
  ['ping', '--all'],
  ['agent list'],
  ['agent show', 'ticker'],
  ['agent logs', 'ticker', '-n', '3'],
  ['agent stop', 'ticker'],
  ['agent start', 'ticker'],
  ['agent restart', 'ticker'],
  ['call', 'echo', 'echo', '{"q":"hi"}'],
  ['events'],
  ['plan', 'fleet.yaml'],
  ['apply', 'fleet.yaml'],
  ['export'],
  ['export', 'lab'],
  ['node list'],
  ['node show', 'main-pc'],
  ['node invite', '--address', '127.0.0.1'],
  ['config show'],
  ['config check'],
  ['doctor'],
];
const elsewhere =
  'start, up, down, join, remove, agent adopt, node accept, node reject, node revoke, node remove, node re-key'.split(
    ', ',
  );

describe('-o json and -o yaml', () => {
  it('are tried for every command', () => {
    const tried = [...printing.map(([path]) => path), ...elsewhere];

    expect(new Set(tried)).toEqual(new Set(commands.map(({ path }) => path)));
  });

  it.each(printing.map((words) => ({ command: words.join(' '), words })))(
    'print the answer of mesh $command as its schema says',
    async ({ words }) => {
      const [path, ...args] = words;
      const answer = commands.find((command) => command.path === path)?.answer;

      const json = await shell.mesh(...path.split(' '), ...args, '-o', 'json');
      const yaml = await shell.mesh(...path.split(' '), ...args, '-o', 'yaml');

      const value: unknown = JSON.parse(json.stdout);
      // Nothing in it that the schema does not name, nothing missing that it names.
      expect(answer?.parse(value)).toEqual(value);
      expect(answer?.safeParse(parse(yaml.stdout))).toMatchObject({ success: true });
      // Doctor is about the whole machine, whatever else runs on it.
      if (path !== 'doctor') expect([json.code, yaml.code]).toEqual([0, 0]);
    },
  );

  it.each([
    { args: ['agent', 'show', 'nobody'], code: 'MESH_AGENT_UNKNOWN' },
    { args: ['node', 'show', 'nowhere'], code: 'MESH_NODE_UNKNOWN' },
    { args: ['up'], code: 'MESH_LOCK_HELD' },
    { args: ['remove', 'nothing'], code: 'MESH_FLEET_UNKNOWN' },
  ])('print the failure of mesh $args', async ({ args, code }) => {
    const { stdout } = await shell.mesh(...args, '-o', 'json');

    expect(FailureAnswer.parse(JSON.parse(stdout)).error.code).toBe(code);
  });
});

describe('the exit code', () => {
  it.each([
    { args: ['status', '--check'], code: 0 },
    { args: ['call', 'ticker', 'anything'], code: 5 },
    { args: ['up'], code: 1 },
    { args: ['status', '--nonsense'], code: 2 },
    { args: ['apply', 'missing.yaml'], code: 5 },
    { args: ['agent', 'show', 'nobody'], code: 6 },
  ])('of mesh $args is $code', async ({ args, code }) => {
    await mesh.untilReady({ agents: 2 });

    expect((await shell.mesh(...args)).code).toBe(code);
  });

  it('is 3 for a caller whose token is not the main node’s', async () => {
    const file = join(mesh.dir, 'main-node', 'api-token');
    const token = await readFile(file, 'utf8');
    await writeFile(file, 'f'.repeat(token.trim().length));
    const { code, stderr } = await shell.mesh('status');
    await writeFile(file, token);

    expect(code).toBe(3);
    expect(stderr).toContain('MESH_AUTH');
  });

  it('is 4 where no mesh is; doctor works there all the same', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'mesh-none-'));
    const there = openMeshShell(empty);
    const none = await there.mesh('status');
    const doctor = await there.mesh('doctor', '-o', 'json');
    await rm(empty, { recursive: true });

    expect(none.code).toBe(4);
    expect(none.stderr).toContain('mesh up makes one here');
    expect(JSON.parse(doctor.stdout)).toHaveProperty('checks');
  });

  it('of status --check is 1 while an agent is not as it should be', async () => {
    const broken = { fleet: 'broken', agents: { broken: { command: ['sh', '-c', 'exit 3'] } } };
    await writeFile(join(mesh.work, 'broken.yaml'), stringify(broken));
    expect((await shell.mesh('apply', 'broken.yaml')).code).toBe(0);

    await until('the check fails', async () => (await shell.mesh('status', '--check')).code === 1, {
      withinMs: 10_000,
    });

    expect((await shell.mesh('remove', 'broken', '-o', 'json')).code).toBe(0);
    await until(
      'all is well again',
      async () => (await shell.mesh('status', '--check')).code === 0,
      {
        withinMs: 15_000,
      },
    );
  });
});

describe('what follows', () => {
  it.each([
    { args: ['events', '-f'], says: 'main-node.started' },
    { args: ['agent', 'logs', 'ticker', '-f'], says: 'tick' },
  ])('mesh $args ends cleanly with Ctrl-C', async ({ args, says }) => {
    const following = shell.start(...args);
    await following.untilSays(says);

    following.child.kill('SIGINT');

    expect(await following.ended).toBe(0);
    expect(following.output()).not.toContain('error');
  });

  it('goes on with what comes', async () => {
    const following = shell.start('agent', 'logs', 'ticker', '-f', '-n', '1');

    await following.untilSays(/(tick\n){5}/);

    following.child.kill('SIGINT');
    expect(await following.ended).toBe(0);
  });

  it('prints a line of JSON for each with -o json', async () => {
    const following = shell.start('events', '-f', '-n', '3', '-o', 'json');
    await following.untilSays(/(\{.*\}\n){3}/);

    const [first = ''] = following.stdout().split('\n');

    expect(JSON.parse(first)).toHaveProperty('kind');
    following.child.kill('SIGINT');
    await following.ended;
  });

  it('ends when nobody reads it any more', async () => {
    const node = `'${process.execPath}' --disable-warning=ExperimentalWarning`;
    const follow = `${node} packages/cli/src/main.ts agent logs ticker -f --dir '${mesh.dir}'`;

    const { stdout, stderr } = await run('/bin/bash', [
      '-c',
      `set -o pipefail; ${follow} | head -n 3; echo "ended with \${PIPESTATUS[0]}"`,
    ]);

    expect(stdout).toContain('ended with 0');
    expect(stderr).toBe('');
  });
});

describe('mesh node list', () => {
  it('is a table that fits a terminal: a node per line, with state, agents and fingerprint', async () => {
    const { stdout } = await shell.mesh('node', 'list');

    const [titles = '', row = '', ...rest] = stdout.trimEnd().split('\n');
    expect(titles).toMatch(/^NODE +STATE +HEARD +AGENTS +LOAD +ADDRESS +RELEASE +KEY$/);
    expect(row).toMatch(/^main-pc +alive +\S+ ago +\d\/\d ready .* ([0-9a-f]{4}-){7}[0-9a-f]{4}$/);
    expect(rest).toEqual([]);
    expect(Math.max(titles.length, row.length)).toBeLessThanOrEqual(110);
  });
});
