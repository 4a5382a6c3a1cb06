import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startRealMesh, until, type RealMesh } from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const echo = fileURLToPath(new URL('../fixtures/agents/echo.py', import.meta.url));

const echoAgent = {
  command: ['/usr/bin/python3', echo, '${port.http}'],
  ports: { http: 'auto' },
  health: { http: { port: 'http' }, interval: '1s' },
  calls: { http: 'http' },
};

const fleet = {
  fleet: 'lab',
  agents: {
    base: { ...echoAgent, placement: { node: 'main-pc' }, labels: { team: 'a' } },
    'far-one': {
      ...echoAgent,
      placement: { node: 'pc2' },
      labels: { team: 'b' },
      start: { dependsOn: ['base'] },
    },
    'far-two': {
      ...echoAgent,
      placement: { node: 'pc2' },
      labels: { team: 'b' },
      start: { dependsOn: ['base'] },
    },
    ticker: {
      command: ['sh', '-c', 'while :; do echo tick; sleep 0.2; done'],
      placement: { node: 'main-pc' },
    },
  },
};

let mesh: RealMesh;
beforeAll(async () => {
  mesh = await startRealMesh({ nodes: [{ name: 'main-pc' }, { name: 'pc2' }] });
  await mesh.apply(fleet);
  await mesh.untilReady({ agents: 4 });
}, 90_000);
afterAll(() => mesh?.stop(), 60_000);

const json = async (...args: string[]) =>
  JSON.parse((await mesh.mesh(...args, '-o', 'json')).stdout);

describe('a mesh of two nodes', () => {
  it('runs each agent where it was placed, and says on what evidence', async () => {
    const { agents, nodes } = await mesh.status();

    expect(Object.fromEntries(agents.map((agent) => [agent.instance, agent.node]))).toEqual({
      'base.0': 'main-pc',
      'far-one.0': 'pc2',
      'far-two.0': 'pc2',
      'ticker.0': 'main-pc',
    });
    expect(agents.find((agent) => agent.name === 'base')?.evidence).toMatchObject({
      process: { ok: true },
      protocol: { ok: true },
    });
    expect(nodes.map((node) => [node.name, node.state, node.isCurrent])).toEqual([
      ['main-pc', 'alive', true],
      ['pc2', 'alive', true],
    ]);
  });

  it('calls an agent by name and answers what it said', async () => {
    const answer = await json('call', 'far-one', 'echo', '{"q":"hi"}');

    expect(answer.items).toMatchObject([
      { agent: 'far-one', node: 'pc2', status: 'answered', result: { args: { q: 'hi' } } },
    ]);
  });

  it('calls all that a glob or a label names, and one of them with --any', async () => {
    const byGlob = await json('call', 'far-*', 'echo');
    const byLabel = await json('call', 'team=b', 'echo');
    const any = await json('call', 'team=b', 'echo', '--any');

    expect([byGlob.items.length, byLabel.items.length, any.items.length]).toEqual([2, 2, 1]);
  });

  it.each([
    { args: ['call', 'nobody', 'echo'], code: 6, says: 'MESH_AGENT_UNKNOWN' },
    { args: ['call', 'base', 'nope'], code: 6, says: 'MESH_ACTION_UNKNOWN' },
    { args: ['call', 'base', 'fail'], code: 1, says: 'as asked' },
    { args: ['call', 'ticker', 'echo'], code: 5, says: 'MESH_AGENT_NOT_CALLABLE' },
    { args: ['call', 'base', 'echo', '{'], code: 5, says: 'not JSON' },
    { args: ['agent', 'show', 'nobody'], code: 6, says: 'MESH_AGENT_UNKNOWN' },
    { args: ['agent', 'stop', 'nobody'], code: 6, says: 'MESH_AGENT_UNKNOWN' },
    { args: ['node', 'show', 'nowhere'], code: 6, says: 'MESH_NODE_UNKNOWN' },
    { args: ['node', 'revoke', 'nowhere'], code: 6, says: 'MESH_NODE_UNKNOWN' },
    { args: ['export', 'nothing'], code: 6, says: 'MESH_FLEET_UNKNOWN' },
    { args: ['apply', 'missing.yaml'], code: 5, says: 'MESH_FILE_UNREADABLE' },
  ])('answers mesh $args with exit code $code and $says', async ({ args, code, says }) => {
    const result = await mesh.mesh(...args);

    expect(result.stdout + result.stderr).toContain(says);
    expect(result.code).toBe(code);
  });

  it('gives an agent its own environment and the addresses of what it depends on, nothing of the daemon', async () => {
    const names = [
      'MESH_AGENT',
      'MESH_INSTANCE',
      'MESH_NODE',
      'MESH_ADDR_BASE_HTTP',
      'PYTHONUNBUFFERED',
      'MESH_HTTP_PORT',
      'NO_COLOR',
    ];
    const base = (await mesh.status()).agents.find((agent) => agent.name === 'base');

    const { items } = await json('call', 'far-one', 'env', JSON.stringify({ names }));

    expect(items[0].result).toEqual({
      MESH_AGENT: 'far-one',
      MESH_INSTANCE: 'far-one.0',
      MESH_NODE: 'pc2',
      MESH_ADDR_BASE_HTTP: `127.0.0.1:${base?.ports['http']}`,
      PYTHONUNBUFFERED: '1',
    });
  });

  it('pings every node and every agent', async () => {
    const { items } = await json('ping', '--all');

    expect(items.map((row: { name: string; ok: boolean }) => [row.name, row.ok])).toEqual(
      expect.arrayContaining([
        ['main-pc', true],
        ['pc2', true],
        ['base.0', true],
        ['ticker.0', true],
      ]),
    );
  });

  it('shows the last lines of an agent', async () => {
    const { stdout } = await mesh.mesh('agent', 'logs', 'ticker', '-n', '2');

    expect(stdout).toBe('tick\ntick\n');
  });

  it('stops, starts and restarts an agent on order, and remembers', async () => {
    const before = (await mesh.status()).agents.find((agent) => agent.name === 'far-two');
    expect((await mesh.mesh('agent', 'restart', 'far-two')).code).toBe(0);
    const restarted = await until(
      'far-two has a new process',
      async () => {
        const now = (await mesh.status()).agents.find((agent) => agent.name === 'far-two');
        return now?.state === 'ready' && now.pid !== before?.pid && now;
      },
      { withinMs: 15_000 },
    );
    expect(restarted.ports).toEqual(before?.ports);

    await mesh.mesh('agent', 'stop', 'far-two');
    await until(
      'far-two is stopped',
      async () =>
        (await mesh.status()).agents.some(
          (agent) => agent.name === 'far-two' && agent.state === 'stopped',
        ),
      { withinMs: 15_000 },
    );
    expect((await mesh.mesh('call', 'far-two', 'echo')).stdout).toContain('MESH_AGENT_NOT_READY');

    await mesh.mesh('agent', 'start', 'far-two');
    await mesh.untilReady({ agents: 4 });
  });

  it('exports a fleet whose plan is empty', async () => {
    const { stdout } = await mesh.mesh('export', 'lab');
    const file = join(mesh.work, 'exported.yaml');
    await writeFile(file, stdout);

    const plan = await mesh.mesh('plan', file);

    expect(plan.stdout).toContain('nothing to change');
  });

  it('refuses a fleet with every problem at once and applies nothing of it', async () => {
    const file = join(mesh.work, 'bad.yaml');
    await writeFile(
      file,
      'fleet: bad\nagents:\n  a: { command: [x], comand: [y] }\n  b: { command: [x], exclusive: true }\n',
    );
    const before = await mesh.status();

    const result = await mesh.mesh('apply', file);

    expect(result.code).toBe(5);
    expect(result.stderr).toMatch(
      /bad\.yaml:3.*"comand"[^]*bad\.yaml:4.*"exclusive" is not supported/,
    );
    expect((await mesh.status()).mesh.revision).toBe(before.mesh.revision);
  });

  it.each([
    {
      why: 'its executable is missing',
      agent: { command: ['no-such-program'] },
      says: '"no-such-program" is not in PATH',
    },
    {
      why: 'its folder is missing',
      agent: { command: ['sh'], cwd: '/no/such/folder' },
      says: '/no/such/folder',
    },
    {
      why: 'its node is unknown',
      agent: { command: ['sh'], placement: { node: 'pc9' } },
      says: 'pc9',
    },
    {
      why: 'no node has its labels',
      agent: { command: ['sh'], placement: { labels: { gpu: 'true' } } },
      says: 'gpu',
    },
    {
      why: 'it depends on nobody we know',
      agent: { command: ['sh'], start: { dependsOn: ['ghost'] } },
      says: 'ghost',
    },
    {
      why: 'it depends on itself in a circle',
      agent: { command: ['sh'], start: { dependsOn: ['odd'] } },
      says: 'odd',
    },
  ])('plans an agent as impossible when $why', async ({ agent, says }) => {
    const file = join(mesh.work, 'odd.yaml');
    await writeFile(file, JSON.stringify({ fleet: 'odd', agents: { odd: agent } }));

    const result = await mesh.mesh('plan', file);

    expect(result.stdout + result.stderr).toContain(says);
    expect(result.code).not.toBe(0);
  });

  it('refuses two claims on one port of one node, naming both', async () => {
    const file = join(mesh.work, 'ports.yaml');
    const claim = { command: ['sleep', '60'], ports: { p: 17_140 }, placement: { node: 'pc2' } };
    await writeFile(file, JSON.stringify({ fleet: 'ports', agents: { one: claim, two: claim } }));

    const result = await mesh.mesh('plan', file);

    expect(result.stdout + result.stderr).toMatch(/17140/);
    expect(result.code).not.toBe(0);
  });

  it('records every change with who made it', async () => {
    const { items } = await json('events', '-n', '500');

    expect(items.map((event: { kind: string }) => event.kind)).toEqual(
      expect.arrayContaining([
        'main-node.started',
        'node.joined',
        'fleet.applied',
        'agent.placed',
        'agent.state',
        'agent.desired',
      ]),
    );
  });

  it('removes a fleet with its agents', async () => {
    const file = join(mesh.work, 'short.yaml');
    await writeFile(
      file,
      JSON.stringify({ fleet: 'short', agents: { brief: { command: ['sleep', '600'] } } }),
    );
    await mesh.mesh('apply', file);
    const rows = await mesh.untilReady({ agents: 5 });

    const removed = await mesh.mesh('remove', 'short');

    expect(removed.code).toBe(0);
    const pid = rows.get('brief.0')?.pid ?? Number.NaN;
    await until('its process has ended', () => !isAlive(pid), { withinMs: 15_000 });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
