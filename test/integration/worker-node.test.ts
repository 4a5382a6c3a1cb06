/** What a main node asks of a worker node, over the real wire, with real agents. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readLock } from '@meshwork/platform';
import {
  AgentCall,
  AgentLogs,
  AgentName,
  HealthReport,
  InstanceId,
  NodeCalledDead,
  NodeCheck,
  NodeMetrics,
  NodeName,
  NodePing,
  NodePeers,
  NodeRemoved,
  UnclaimedAct,
} from '@meshwork/shared';
import { createWorkerRig, findLeftProcesses, until, type WorkerRig } from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const echo = fileURLToPath(new URL('../fixtures/agents/echo.py', import.meta.url));
const node = NodeName.parse('pc2');
const timeoutMs = 5_000;
const web = {
  command: ['/usr/bin/python3', echo, '${port.http}'],
  ports: { http: 'auto' },
  health: { http: { port: 'http' }, interval: '1s' },
  calls: { http: 'http' },
};
const talker = { command: ['sh', '-c', 'echo one; echo two; printf three; sleep 1000'] };

let rig: WorkerRig;
let pid: number;
beforeAll(async () => {
  rig = await createWorkerRig({ config: { vars: { greeting: 'hello' } } });
  pid = await rig.start();
  rig.assign({ web: { spec: web }, talker: { spec: talker } });
  await rig.untilState('web', 'ready');
  await rig.untilState('talker', 'ready');
}, 30_000);
afterAll(() => rig?.stop());

async function ask<R extends Parameters<WorkerRig['hub']['request']>[1]>(
  kind: R,
  body: unknown,
): Promise<Awaited<ReturnType<WorkerRig['hub']['request']>>> {
  return rig.hub.request(node, kind, kind.body.parse(body) as never, { timeoutMs });
}

describe('a call', () => {
  it('reaches an instance the way its spec says', async () => {
    const outcome = await ask(AgentCall, {
      instance: 'web.0',
      epoch: '1.1',
      action: 'echo',
      args: { a: 1 },
    });

    expect(outcome).toMatchObject({ status: 'answered', answer: { result: { args: { a: 1 } } } });
  });

  it('of an earlier placement, of an agent that cannot be called, or of none is refused with its code', async () => {
    const call = (instance: string, epoch = '1.1') =>
      ask(AgentCall, { instance, epoch, action: 'add', args: {} });

    expect(await call('web.0', '0.9')).toMatchObject({
      status: 'refused',
      error: { code: 'MESH_AGENT_NOT_READY' },
    });
    expect(await call('talker.0')).toMatchObject({ error: { code: 'MESH_AGENT_NOT_CALLABLE' } });
    expect(await call('nobody.0')).toMatchObject({ error: { code: 'MESH_AGENT_UNKNOWN' } });
  });
});

it('a ping answers for the node, and probes each instance as a caller would', async () => {
  const outcome = await ask(NodePing, { instances: ['web.0', 'talker.0', 'nobody.0'] });

  expect(outcome).toMatchObject({
    status: 'answered',
    answer: {
      instances: [
        { instance: 'web.0', ok: true },
        { instance: 'talker.0', ok: true, detail: 'no probe is declared: its process is alive' },
        { instance: 'nobody.0', ok: false },
      ],
    },
  });
});

describe('logs', () => {
  it('come by the last lines, then from where they ended', async () => {
    const tail = await ask(AgentLogs, { instance: 'talker.0', tail: 1 });
    expect(tail).toMatchObject({ status: 'answered', answer: { lines: ['two'], atEnd: true } });
    if (tail.status !== 'answered') throw new Error();
    const { cursor } = AgentLogs.answer.parse(tail.answer);

    const more = await ask(AgentLogs, { instance: 'talker.0', cursor, waitMs: 50 });

    expect(more).toMatchObject({ status: 'answered', answer: { lines: [] } });
    expect(await ask(AgentLogs, { instance: 'nobody.0' })).toMatchObject({
      error: { code: 'MESH_AGENT_UNKNOWN' },
    });
  });
});

it('a check names everything that keeps an agent from running here, and starts nothing', async () => {
  await writeFile(join(rig.dir, 'open.env'), 'A=1\n', { mode: 0o644 });
  const check = async (spec: object): Promise<string> => {
    const outcome = await ask(NodeCheck, { agents: [{ agent: 'x', spec }] });
    if (outcome.status !== 'answered') throw new Error(JSON.stringify(outcome));
    const { results } = NodeCheck.answer.parse(outcome.answer);
    return results[0]!.problems.map(({ code, message }) => `${code} ${message}`).join('\n');
  };

  expect(await check({ command: ['sh', '-c', '${node.var.greeting}'], cwd: '/tmp' })).toBe('');
  expect(await check({ command: ['no-such-program'] })).toMatch(/^MESH_EXEC_MISSING /);
  expect(await check({ command: ['sh'], cwd: '/no/such/folder' })).toMatch(/^MESH_CWD_MISSING /);
  expect(await check({ command: ['sh'], user: 'no-such-user' })).toMatch(/^MESH_USER_UNKNOWN /);
  expect(await check({ command: ['sh'], envFile: join(rig.dir, 'open.env') })).toContain(
    'chmod 600',
  );
  expect(await check({ command: ['sh', '${node.var.nothing}'] })).toContain('${node.var.nothing}');
  const { port } = readLock(join(rig.dir, 'node'))!.endpoints['http']!;
  const taken = await check({ command: ['sh'], ports: { a: port } });
  expect(taken).toContain(`pid ${pid} `);
  expect(taken).toContain('free it, or give x another one');
  expect(await check({ command: ['sh'], from: 'a later release' })).toContain('another release');
});

it('its metrics come over the wire and over HTTP, with its health', async () => {
  const outcome = await ask(NodeMetrics, {});
  const { host, port } = readLock(join(rig.dir, 'node'))!.endpoints['http']!;
  const text = await (await fetch(`http://${host}:${port}/metrics`)).text();
  const health = HealthReport.parse(await (await fetch(`http://${host}:${port}/health`)).json());

  expect(outcome).toMatchObject({ status: 'answered' });
  expect(text).toContain('mesh_worker_node_instances{state="ready"} 2');
  expect(health.status).toBe('ok');
});

it('what an agent depends on elsewhere is waited for, and told by its address', async () => {
  const spec = {
    command: ['sh', '-c', 'echo "$MESH_ADDR_FAR_HTTP" >>far; exec sleep 1000'],
    cwd: rig.dir,
    start: { dependsOn: ['far'] },
  };
  rig.assign({ web: { spec: web }, talker: { spec: talker }, near: { spec } });
  const waits = await rig.untilReport('near', 'waits', ({ reason }) => reason !== undefined);

  rig.hub.sendLatest(node, NodePeers, {
    agents: [{ agent: AgentName.parse('far'), ready: true, addresses: { http: '10.0.0.7:7000' } }],
  });
  await rig.untilState('near', 'ready');

  expect(waits).toMatchObject({ state: 'waiting', reason: 'waits for far' });
  expect(await readFile(join(rig.dir, 'far'), 'utf8')).toBe('10.0.0.7:7000\n');
});

it('heartbeats carry the digest of the last report', async () => {
  const { heartbeats } = rig;
  const count = heartbeats.length;

  await until('more heartbeats came', () => heartbeats.length >= count + 2);

  expect(heartbeats.at(-1)).toMatchObject({ incarnation: 1 });
  expect(heartbeats.at(-1)?.instancesDigest).toMatch(/^[0-9a-f]{16}$/);
});

it('a node that was called dead comes back by a higher incarnation, and restarts nothing', async () => {
  const before = rig.report('web')!;

  rig.hub.send(node, NodeCalledDead, { incarnation: 1 });
  await until('it said hello again', () =>
    rig.hellos.some(({ role, incarnation }) => role === 'node' && incarnation === 2),
  );
  await until('its heartbeats follow', () => rig.heartbeats.at(-1)?.incarnation === 2);

  const after = await rig.untilState('web', 'ready');
  expect(after).toMatchObject({ pid: before.pid, restarts: 0 });
});

it('an unclaimed instance is described with its spec, and ended for good when told to', async () => {
  rig.assign({ web: { spec: web }, talker: { spec: talker } }, { term: 2, revision: 1 });
  await rig.untilState('near', 'unclaimed');
  const instance = InstanceId.parse('near.0');

  const described = await ask(UnclaimedAct, { instance, act: 'describe' });
  const stopped = await ask(UnclaimedAct, { instance, act: 'stop' });
  await until('it is gone', () => rig.report('near') === undefined);

  expect(described).toMatchObject({
    status: 'answered',
    answer: { agent: 'near', fleet: 'rig', epoch: '1.1', spec: { start: { dependsOn: ['far'] } } },
  });
  expect(stopped).toMatchObject({ status: 'answered' });
  expect(await ask(UnclaimedAct, { instance, act: 'stop' })).toMatchObject({
    error: { code: 'MESH_AGENT_UNKNOWN' },
  });
  const logs = async (): Promise<readonly string[]> => readdir(join(rig.dir, 'node/logs'));
  await until('its output is gone', async () => !(await logs()).includes('near.0'));
});

it('a node that was removed ends its agents for good, says so, and ends', async () => {
  const outcome = await ask(NodeRemoved, { why: 'removed' });
  await until('no process is left', () => findLeftProcesses(rig.dir).length === 0, {
    withinMs: 20_000,
  });

  expect(outcome).toMatchObject({ status: 'answered', answer: { stopping: 2 } });
});
