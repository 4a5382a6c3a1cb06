import { MeshError } from '@meshwork/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assigned, createSupervisionRig, pass, type SupervisionRig } from './rig.ts';

let rig: SupervisionRig;
beforeEach(() => {
  rig = createSupervisionRig();
});
afterEach(() => rig.stop());

const probed = { ports: { http: 80 }, health: { http: { port: 'http' }, startPeriod: '40s' } };
const ok = { ok: true, durationMs: 1 };

describe('without the main node', () => {
  it('what is elsewhere is waited for 30 s, then done without, and said', async () => {
    await rig.start();
    await rig.assign({ a: { start: { dependsOn: ['far'] } } });
    expect(rig.report('a')).toMatchObject({ state: 'waiting', reason: 'waits for far' });

    await pass(rig.clock, 29_800);
    expect(rig.state('a')).toBe('waiting');
    await pass(rig.clock, 200);

    expect(rig.report('a')).toMatchObject({
      state: 'running',
      reason: 'started without far: the main node was away and did not tell of it',
    });
  });

  it('that returns in time, it is waited for as long as it takes', async () => {
    await rig.start();
    await rig.assign({ a: { start: { dependsOn: ['far'] } } });
    await pass(rig.clock, 20_000);

    rig.supervision.supervisor.setAlone(false);
    await pass(rig.clock, 3_600_000);

    expect(rig.state('a')).toBe('waiting');
  });

  it('nothing is started from orders older than a week, until it is heard', async () => {
    const { clock } = rig;
    const old = { mesh: 'a'.repeat(32), term: 1, revision: 1, highestTerm: 1 };
    rig.disk.desired = {
      ...old,
      claimed: [assigned('a', {})],
      unclaimed: [],
      leaving: [],
      confirmedAtMs: clock.now() - 8 * 86_400_000,
    } as never;
    await rig.start();
    await pass(clock, 60_000);
    expect(rig.report('a')).toMatchObject({
      state: 'waiting',
      reason: 'what the node was told is 8 days old; it waits for the main node',
    });

    await rig.assign({ a: {} }, 1);

    expect(rig.state('a')).toBe('running');
  });

  it('nothing is started from damaged orders', async () => {
    rig.disk.readError = new MeshError('MESH_STATE_TORN', 'torn');

    await rig.start();

    expect(rig.supervision.supervisor.hold).toBe('what the node was told is damaged on its disk');
    await rig.assign({ a: {} });
    expect(rig.state('a')).toBe('running');
  });
});

describe('an instance that does not become ready', () => {
  it('is named with its last lines after its start period, holds only its dependants, and is tried on', async () => {
    await rig.start();
    rig.lastLines = ['loading', 'still loading'];
    await rig.assign({ slow: probed, next: { start: { dependsOn: ['slow'] } }, other: {} });
    rig.probes.get('slow.0' as never)?.({ ok: false, durationMs: 1, detail: 'refused' });

    await pass(rig.clock, 40_000);

    expect(rig.report('slow')).toMatchObject({
      state: 'running',
      reason: 'not ready within its startPeriod (40s), tried on; probe: refused',
      lastLines: ['loading', 'still loading'],
      evidence: { protocol: { ok: false, detail: 'refused' } },
    });
    expect([rig.state('next'), rig.state('other')]).toEqual(['waiting', 'ready']);
    rig.probes.get('slow.0' as never)?.(ok);
    await pass(rig.clock, 0);
    expect([rig.state('slow'), rig.state('next')]).toEqual(['ready', 'running']);
    expect(rig.report('slow')?.lastLines).toBeUndefined();
  });

  it('after it was ready keeps its process, says that its probe fails, and is ready again by itself', async () => {
    await rig.start();
    await rig.assign({ a: probed });
    const probe = rig.probes.get('a.0' as never)!;
    probe(ok);

    for (let time = 0; time < 3; time += 1) probe({ ok: false, durationMs: 1, detail: 'timeout' });

    expect(rig.report('a')).toMatchObject({
      state: 'running',
      reason: 'was ready, its probe fails; probe: timeout',
      restarts: 0,
    });
    probe(ok);
    expect(rig.state('a')).toBe('ready');
    expect(rig.launches).toHaveLength(1);
  });
});

describe('launches', () => {
  it('are as many at a time as the config says', async () => {
    rig = createSupervisionRig({ startConcurrency: 2 });
    rig.holdLaunches = true;
    await rig.start();
    await rig.assign({ a: {}, b: {}, c: {} });
    expect(rig.launches).toHaveLength(2);

    rig.heldLaunches.shift()?.();
    await pass(rig.clock, 0);

    expect(rig.launches).toHaveLength(3);
    for (const go of rig.heldLaunches) go();
    await pass(rig.clock, 0);
  });

  it('that a stop overtakes are ended as soon as they exist', async () => {
    rig.holdLaunches = true;
    await rig.start();
    await rig.assign({ a: {} });

    await rig.assign({});
    rig.heldLaunches.shift()?.();
    await pass(rig.clock, 100);

    expect(rig.runs.size).toBe(0);
    expect(rig.supervision.instances.size).toBe(0);
  });

  it('that the end of the daemon cuts off count as nothing', async () => {
    rig.holdLaunches = true;
    await rig.start();
    await rig.assign({ a: {} });
    await rig.stop();

    rig.heldLaunches.shift()?.(new MeshError('MESH_STOPPING', 'stopping'));
    await pass(rig.clock, 0);

    expect(rig.report('a')).toMatchObject({ state: 'starting', crashes: 0 });
  });

  it('wait for a fixed port that somebody holds, and pick another auto port', async () => {
    rig.heldPorts.set(80, 'pid 7 (nginx)').set(20_005, 'pid 8 (x)');
    await rig.start();
    await rig.assign({ a: { ports: { http: 80 } }, b: { ports: { http: 'auto' } } });

    expect(rig.report('a')).toMatchObject({
      state: 'waiting',
      reason: 'port 80 (http) is held by pid 7 (nginx); it is tried again',
      crashes: 0,
    });
    expect(rig.report('b')?.ports).toEqual({ http: 20_006 });
    rig.heldPorts.delete(80);
    await pass(rig.clock, 1_000);
    expect(rig.state('a')).toBe('running');
  });

  it('give two agents that start together different auto ports', async () => {
    await rig.start();
    await rig.assign({ a: { ports: { http: 'auto' } }, b: { ports: { http: 'auto' } } });

    const ports = ['a', 'b'].map((agent) => rig.report(agent)?.ports['http']);

    expect(new Set(ports).size).toBe(2);
  });
});

it('processes that cannot be ended are named, and tried again', async () => {
  await rig.start();
  await rig.assign({ a: {} });
  const run = rig.runs.get('a.0')!;
  run.left = [4711];

  await rig.assign({});
  expect(rig.report('a')).toMatchObject({
    state: 'stopping',
    reason: 'process 4711 cannot be ended; tried again in 4.9s',
  });
  run.left = [];
  await pass(rig.clock, 5_000);

  expect(rig.report('a')).toBeUndefined();
  expect(rig.disk.desired).toMatchObject({ claimed: [], leaving: [] });
});

describe('reports', () => {
  it('come once for many changes of a moment, and every 5 s without any', async () => {
    await rig.start();
    await rig.assign({ a: {}, b: {}, c: {} });
    await pass(rig.clock, 2_000);
    const count = rig.reports.length;
    expect(count).toBeLessThanOrEqual(4);

    await pass(rig.clock, 5_000);
    expect(rig.reports).toHaveLength(count + 1);
    rig.runs.get('a.0')?.exits({ code: 1 });
    await pass(rig.clock, 100);

    expect(rig.reports.length).toBeLessThanOrEqual(count + 3);
    expect(rig.reports.at(-1)?.digest).not.toBe(rig.reports[count]?.digest);
    expect(rig.reports.at(-1)?.instances).toHaveLength(3);
  });
});
