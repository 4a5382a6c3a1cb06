import { chmod, lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  createMetrics,
  createStateFile,
  createSystemClock,
  createSystemRandom,
} from '@meshwork/platform';
import {
  AgentName,
  Epoch,
  InstanceId,
  NodeName,
  linkLimits,
  type AgentLinkMessage,
  type LinkHello,
  type Logger,
  type NodeLinkMessage,
} from '@meshwork/shared';
import { itNeeds } from '@meshwork/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Dealer } from 'zeromq';
import type { RouteAgentCall } from '../../../src/link/agent-calls.ts';
import {
  LinkHostState,
  createAgentLinkHost,
  type OwnedAgentLinkHost,
} from '../../../src/link/create-agent-link-host.ts';
import { pickLinkBase, toSocketPath } from '../../../src/link/link-directory.ts';
import type { LinkEndpoint } from '../../../src/services/ports.ts';

const never = new AbortController().signal;
const instance = InstanceId.parse('shard.0');
const agent = AgentName.parse('shard');
const epoch = Epoch.parse('3.1');
const spec = { instance, agent, epoch };
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const hello: Omit<LinkHello, 'token'> = {
  kind: 'hello',
  protocol: { min: 1, max: 1 },
  pid: 7,
  sdk: { language: 'typescript', version: '1' },
  actions: ['search'],
  ready: false,
};

let folder: string;
const opened: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'links-'));
});

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
  await rm(folder, { recursive: true });
});

interface Started {
  readonly host: OwnedAgentLinkHost;
  readonly ready: InstanceId[];
  readonly metrics: () => Promise<string>;
}

async function start(options: { base?: string; route?: RouteAgentCall } = {}): Promise<Started> {
  const ready: InstanceId[] = [];
  const metrics = createMetrics({ processMetrics: false });
  const host = createAgentLinkHost(
    {
      clock: createSystemClock(),
      random: createSystemRandom(),
      logger: silent,
      metrics,
      route: options.route ?? (() => Promise.reject(new Error('not routed here'))),
      onReady: (id) => ready.push(id),
    },
    {
      node: NodeName.parse('pc2'),
      scope: folder,
      base: options.base ?? join(folder, 'run'),
      state: createStateFile({
        path: join(folder, 'links.json'),
        format: 'test-links',
        version: 1,
        schema: LinkHostState,
      }),
    },
  );
  await host.start(never);
  opened.push(() => host.stop(never));
  return { host, ready, metrics: () => metrics.expose() };
}

/** An agent's end, by hand: what is sent and received is in view. */
interface Wire {
  send(message: AgentLinkMessage | string): Promise<void>;
  receive(): Promise<NodeLinkMessage | ''>;
  close(): void;
}

function dial({ endpoint }: LinkEndpoint): Wire {
  const socket = new Dealer({ linger: 0, immediate: true, reconnectInterval: 20 });
  socket.connect(endpoint);
  const wire: Wire = {
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async receive() {
      const [frame] = await socket.receive();
      const text = String(frame);
      return text === '' ? '' : (JSON.parse(text) as NodeLinkMessage);
    },
    close: () => socket.close(),
  };
  opened.push(wire.close);
  return wire;
}

async function connect(host: OwnedAgentLinkHost, changes: object = {}): Promise<Wire> {
  const link = await host.open(spec);
  const wire = dial(link);
  expect(await wire.receive()).toBe('');
  await wire.send({ ...hello, token: link.token, ...changes });
  expect(await wire.receive()).toMatchObject({ kind: 'welcome' });
  return wire;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

describe('who may speak for an instance', () => {
  test('greets a new connection and welcomes a hello with the token', async () => {
    const { host } = await start();
    const link = await host.open(spec);
    const wire = dial(link);

    const greeting = await wire.receive();
    await wire.send({ ...hello, token: link.token });
    const welcome = await wire.receive();

    expect(greeting).toBe('');
    expect(welcome).toEqual({
      kind: 'welcome',
      protocol: 1,
      node: 'pc2',
      instance: 'shard.0',
      epoch: '3.1',
    });
    expect(host.hasSdk(instance)).toBe(true);
  });

  test('refuses a wrong token, and counts it', async () => {
    const { host, metrics } = await start();
    const wire = dial(await host.open(spec));
    await wire.receive();

    await wire.send({ ...hello, token: 'guessed' });

    expect(await wire.receive()).toMatchObject({
      kind: 'refused',
      error: { code: 'MESH_LINK_REFUSED' },
    });
    expect(host.hasSdk(instance)).toBe(false);
    expect(await metrics()).toContain('hellos_refused_total{why="token"} 1');
  });

  test('asks a connection that never said hello for it, and ignores what it says', async () => {
    const { host, ready } = await start();
    const wire = dial(await host.open(spec));
    await wire.receive();

    await wire.send({ kind: 'ready' });

    expect(await wire.receive()).toEqual({ kind: 'hello?' });
    expect(ready).toEqual([]);
  });

  test('drops and counts frames that are no messages, and serves on', async () => {
    const { host, metrics } = await start();
    const wire = await connect(host);

    for (const odd of ['', '{', 'null', '{"kind":"dance"}', '[]', '\u0000\uffff'])
      await wire.send(odd);
    const calling = host.call(
      instance,
      { action: 'search', args: {} },
      { timeoutMs: 3000, id: 'c1' },
    );
    expect(await wire.receive()).toMatchObject({ kind: 'call', id: 'c1' });
    await wire.send({ kind: 'answer', id: 'c1', result: 'still here' });

    expect(await calling).toBe('still here');
    expect(await metrics()).toContain('frames_dropped_total{why="invalid"} 6');
  });

  test('cuts a connection that sends a message over the bound, and takes it back', async () => {
    const { host } = await start();
    const wire = await connect(host);

    await wire.send('x'.repeat(linkLimits.messageBytes + 1));

    expect(await wire.receive()).toBe('');
  });
});

describe('what lives on', () => {
  test('keeps endpoint and token over a restart of the daemon, and greets what is still connected', async () => {
    const first = await start();
    const before = await first.host.open(spec);
    const wire = dial(before);
    await wire.receive();
    await wire.send({ ...hello, token: before.token });
    await wire.receive();
    await first.host.stop(never);

    const second = await start();
    const after = await second.host.open(spec);
    const greeting = await wire.receive();
    await wire.send({ ...hello, token: before.token, ready: true });
    const welcome = await wire.receive();

    expect(after).toEqual(before);
    expect(greeting).toBe('');
    expect(welcome).toMatchObject({ kind: 'welcome' });
    expect(second.ready).toEqual([instance]);
  });

  test('keeps the folder it began with when the environment names another', async () => {
    const first = await start({ base: join(folder, 'one') });
    const before = await first.host.open(spec);
    await first.host.stop(never);

    const second = await start({ base: join(folder, 'two') });

    expect(await second.host.open(spec)).toEqual(before);
  });

  test('is the same link when it is opened again, and another one in a new epoch', async () => {
    const { host } = await start();
    const link = await host.open(spec);
    const wire = await connect(host);

    const again = await host.open(spec);
    expect(host.hasSdk(instance)).toBe(true);
    const next = await host.open({ ...spec, epoch: Epoch.parse('3.2') });

    expect(again).toEqual(link);
    expect(next.endpoint).toBe(link.endpoint);
    expect(next.token).not.toBe(link.token);
    expect(host.hasSdk(instance)).toBe(false);
    expect(await wire.receive()).toBe('');
    await wire.send({ ...hello, token: link.token });
    expect(await wire.receive()).toMatchObject({ kind: 'refused' });
  });

  test('closing removes the directory, stopping leaves it', async () => {
    const { host } = await start();
    const { endpoint } = await host.open(spec);
    const directory = dirname(endpoint.slice('ipc://'.length));
    await host.stop(never);
    expect((await lstat(directory)).isDirectory()).toBe(true);

    const second = await start();
    await second.host.close(instance);
    await second.host.close(instance);

    await expect(lstat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('calls', () => {
  const ask = { action: 'search', args: { q: 'backup' }, caller: 'librarian.0' };

  test('carry action, arguments, time and caller, and bring back the result', async () => {
    const { host } = await start();
    const wire = await connect(host);

    const calling = host.call(instance, ask, { timeoutMs: 3000, id: 'c1' });
    const call = await wire.receive();
    await wire.send({ kind: 'answer', id: 'c1', result: { hits: 3 } });

    expect(call).toEqual({ kind: 'call', id: 'c1', timeoutMs: 3000, ...ask });
    expect(await calling).toEqual({ hits: 3 });
  });

  test.each([
    ['MESH_ACTION_UNKNOWN', 'MESH_ACTION_UNKNOWN'],
    ['MESH_INPUT_INVALID', 'MESH_INPUT_INVALID'],
    ['MESH_AGENT_FAILED', 'MESH_AGENT_FAILED'],
    ['MESH_AUTH_REFUSED', 'MESH_AGENT_FAILED'],
    ['OUT_OF_STOCK', 'MESH_AGENT_FAILED'],
  ])('an agent’s %s comes as %s', async (said, code) => {
    const { host } = await start();
    const wire = await connect(host);

    const calling = host.call(instance, ask, { timeoutMs: 3000, id: 'c1' });
    await wire.receive();
    await wire.send({ kind: 'answer', id: 'c1', error: { code: said, message: 'none left' } });

    await expect(calling).rejects.toMatchObject({
      code,
      message: 'call shard.0 search: none left',
    });
  });

  test('are refused while no SDK is connected, and once its connection is gone', async () => {
    const { host } = await start();
    await host.open(spec);
    const call = (id: string): Promise<unknown> =>
      host.call(instance, ask, { timeoutMs: 3000, id });

    await expect(call('c1')).rejects.toMatchObject({ code: 'MESH_AGENT_NOT_READY' });
    const wire = await connect(host);
    wire.close();
    let failure: unknown;
    // The kernel tells the other end of a close a moment later.
    do
      failure = await host
        .call(instance, ask, { timeoutMs: 20, id: 'c2' })
        .catch((error: unknown) => error);
    while ((failure as { code: string }).code === 'MESH_OUTCOME_UNKNOWN');

    expect(failure).toMatchObject({ code: 'MESH_AGENT_NOT_READY' });
    expect(host.hasSdk(instance)).toBe(false);
  });

  test('end as unknown at their deadline, and a late answer is counted', async () => {
    const { host, metrics } = await start();
    const wire = await connect(host);

    await expect(host.call(instance, ask, { timeoutMs: 30, id: 'c1' })).rejects.toMatchObject({
      code: 'MESH_OUTCOME_UNKNOWN',
    });
    await wire.send({ kind: 'answer', id: 'c1', result: 'late' });
    const next = host.call(instance, ask, { timeoutMs: 3000, id: 'c2' });
    await wire.send({ kind: 'answer', id: 'c2', result: 'in time' });

    expect(await next).toBe('in time');
    expect(await metrics()).toContain('frames_dropped_total{why="late-answer"} 1');
  });

  test('end as unknown when the agent says goodbye or another process takes its place', async () => {
    const { host } = await start();
    const wire = await connect(host);
    const first = host.call(instance, ask, { timeoutMs: 60_000, id: 'c1' });
    await wire.receive();
    await wire.send({ kind: 'bye' });
    await expect(first).rejects.toMatchObject({ code: 'MESH_OUTCOME_UNKNOWN' });

    const one = await connect(host, { pid: 8 });
    const second = host.call(instance, ask, { timeoutMs: 60_000, id: 'c2' });
    const told = expect(second).rejects.toMatchObject({ code: 'MESH_OUTCOME_UNKNOWN' });
    await one.receive();
    await connect(host, { pid: 9 });

    await told;
    expect(await one.receive()).toMatchObject({ kind: 'refused' });
  });

  test('knows what the agent declared, and the built-in actions', async () => {
    const { host } = await start();
    await connect(host);

    expect(
      ['search', 'ping', 'health', 'health_check'].map((a) => host.knows(instance, a)),
    ).toEqual([true, true, true, true]);
    expect(host.knows(instance, 'delete')).toBe(false);
  });

  test('are refused over the bound of calls under way', async () => {
    const { host } = await start();
    await connect(host);
    const calls = Array.from({ length: linkLimits.callsInFlight + 8 }, (_, n) =>
      host.call(instance, ask, { timeoutMs: 60_000, id: `c${n}` }).catch(() => 'ended'),
    );

    await expect(
      host.call(instance, ask, { timeoutMs: 60_000, id: 'one-more' }),
    ).rejects.toMatchObject({ code: 'MESH_BUSY' });
    await host.stop(never);

    expect(new Set(await Promise.all(calls))).toEqual(new Set(['ended']));
  });
});

describe('what an agent tells', () => {
  test('readiness is passed on, and a ping needs it', async () => {
    const { host, ready } = await start();
    const options = { timeoutMs: 3000, signal: never };
    await host.open(spec);

    const before = await host.ping(instance, options);
    const wire = await connect(host);
    const connected = await host.ping(instance, options);
    await wire.send({ kind: 'not-ready', reason: 'the index is being built' });
    await wire.send({ kind: 'ready' });
    await until(() => ready.length > 0);
    const pinging = host.ping(instance, options);
    const call = await wire.receive();
    await wire.send({ kind: 'answer', id: call === '' ? '' : 'id' in call ? call.id : '' });

    expect(before).toEqual({ ok: false, detail: 'no SDK is connected' });
    expect(connected).toEqual({ ok: false, detail: 'connected, and not ready yet' });
    expect(call).toMatchObject({ kind: 'call', action: 'ping' });
    expect(await pinging).toEqual({ ok: true });
  });

  test('progress is kept with its time', async () => {
    const { host } = await start();
    const wire = await connect(host);

    await wire.send({ kind: 'progress', detail: '40 of 90' });
    await until(() => host.progress(instance) !== undefined);

    expect(host.progress(instance)).toMatchObject({ ok: true, detail: '40 of 90' });
  });

  test('its calls are routed with its own name, and answered by id', async () => {
    const asked: unknown[] = [];
    const { host } = await start({
      route: (ask) => {
        asked.push(ask);
        return Promise.resolve(
          ask.action === 'search'
            ? {
                status: 'answered',
                answer: {
                  instance: InstanceId.parse('shard.1'),
                  node: NodeName.parse('pc3'),
                  result: 42,
                  durationMs: 1,
                },
              }
            : {
                status: 'refused',
                error: { code: 'MESH_AGENT_UNKNOWN', message: 'no such agent' },
              },
        );
      },
    });
    const wire = await connect(host);
    const call = { kind: 'call', target: agent, args: { q: 1 }, timeoutMs: 500 } as const;

    await wire.send({ ...call, id: 'a1', action: 'search' });
    await wire.send({ ...call, id: 'a2', action: 'nonsense' });

    expect(await wire.receive()).toEqual({ kind: 'answer', id: 'a1', result: 42 });
    expect(await wire.receive()).toEqual({
      kind: 'answer',
      id: 'a2',
      error: { code: 'MESH_AGENT_UNKNOWN', message: 'no such agent' },
    });
    expect(asked[0]).toEqual({
      target: 'shard',
      action: 'search',
      args: { q: 1 },
      caller: 'shard.0',
    });
  });

  test('its calls over the bound are answered busy', async () => {
    const { host } = await start({ route: () => new Promise(() => {}) });
    const wire = await connect(host);
    const call = { kind: 'call', target: agent, action: 'x', args: {}, timeoutMs: 9000 } as const;

    for (let n = 0; n <= linkLimits.callsInFlight; n += 1)
      await wire.send({ ...call, id: `a${n}` });

    expect(await wire.receive()).toMatchObject({
      id: `a${linkLimits.callsInFlight}`,
      error: { code: 'MESH_BUSY' },
    });
  });

  test('is told to drain', async () => {
    const { host } = await start();
    const wire = await connect(host);

    host.drain(instance);

    expect(await wire.receive()).toEqual({ kind: 'drain' });
  });
});

describe('directories', () => {
  test('are closed to others, and hold nothing but the socket', async () => {
    const { host } = await start();
    const { endpoint } = await host.open(spec);
    const socket = endpoint.slice('ipc://'.length);

    expect((await lstat(dirname(socket))).mode & 0o777).toBe(0o700);
    expect((await lstat(socket)).isSocket()).toBe(true);
  });

  test('what somebody put in the socket’s place is removed, not followed', async () => {
    const first = await start();
    const { endpoint } = await first.host.open(spec);
    await first.host.stop(never);
    const socket = endpoint.slice('ipc://'.length);
    const precious = join(folder, 'precious');
    await writeFile(precious, 'keep me');
    await rm(socket);
    await symlink(precious, socket);

    const second = await start();
    await second.host.open(spec);

    expect((await lstat(socket)).isSocket()).toBe(true);
    expect(await readFile(precious, 'utf8')).toBe('keep me');
  });

  test('a folder that others can change is refused', async () => {
    const base = join(folder, 'open');
    await mkdir(base);
    await chmod(base, 0o777);

    await expect(start({ base })).rejects.toMatchObject({ code: 'MESH_CONFIG_INVALID' });
  });

  test('a path that is too long for a socket is refused with the remedy', () => {
    const long = `/${'x'.repeat(101)}`;
    expect(toSocketPath(`/${'x'.repeat(100)}`)).toHaveLength(106);
    expect(() => toSocketPath(`${long}x`)).toThrow(/TMPDIR/);
  });

  test('are in the user’s runtime directory, except for root, whose one is closed to others', () => {
    const machine = { runtimeDir: '/run/user/7', temporaryDir: '/tmp', uid: 7 };

    expect(pickLinkBase(machine)).toBe('/run/user/7/mesh');
    expect(pickLinkBase({ ...machine, runtimeDir: undefined })).toBe('/tmp/mesh-7');
    expect(pickLinkBase({ ...machine, uid: 0 })).toBe('/tmp/mesh-0');
  });

  itNeeds(['root'], 'belong to the agent’s user, also after the daemon’s restart', async () => {
    const owner = { uid: 65_534, gid: 65_534 };
    const first = await start();
    const { endpoint } = await first.host.open({ ...spec, ...owner });
    await first.host.stop(never);
    const second = await start();
    await second.host.open({ ...spec, ...owner });
    const socket = endpoint.slice('ipc://'.length);

    for (const path of [socket, dirname(socket)]) expect(await lstat(path)).toMatchObject(owner);
  });
});
