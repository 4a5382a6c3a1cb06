import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { linkLimits, type LinkAnswer } from '@meshwork/shared';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { AgentError, connectAgent, type Agent, type ConnectOptions } from '../../src/index.ts';
import { startFakeNode, type FakeNode } from './fake-node.ts';

let node: FakeNode;
let agents: Agent[];

beforeEach(async () => {
  node = await startFakeNode();
  agents = [];
});

afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.close({ drainMs: 0 })));
  await node.close();
});

async function connect(options: ConnectOptions = {}): Promise<Agent> {
  const [agent] = await Promise.all([
    connectAgent({ env: node.env, handleSignals: false, ...options }),
    node.welcome(),
  ]);
  agents.push(agent);
  return agent;
}

/** Calls the agent as a worker node does. */
async function ask(
  action: string,
  options: {
    args?: Record<string, unknown>;
    timeoutMs?: number;
    id?: string;
    caller?: string;
  } = {},
): Promise<LinkAnswer> {
  const { args = {}, timeoutMs = 3000, id = 'c1', ...rest } = options;
  await node.send({ kind: 'call', id, action, args, timeoutMs, ...rest });
  return node.receiveKind('answer');
}

const anything = { input: z.looseObject({}) };

describe('connecting', () => {
  test('says hello with token, pid and actions, and learns what it is', async () => {
    const connecting = connectAgent({ env: node.env, handleSignals: false });
    const hello = await node.welcome();
    const agent = await connecting;
    agents.push(agent);

    expect(hello).toMatchObject({
      token: 'the-token',
      pid: process.pid,
      protocol: { min: 1, max: 1 },
      actions: [],
      ready: false,
    });
    expect(agent).toMatchObject({ instance: 'shard.0', node: 'pc2', epoch: '3.1' });
  });

  test('says in words that there is no mesh', async () => {
    await expect(connectAgent({ env: {} })).rejects.toMatchObject({
      code: 'MESH_LINK_ABSENT',
      message: expect.stringContaining('fleet file') as string,
    });
  });

  test('gives up when no node answers in time', async () => {
    await expect(
      connectAgent({ env: node.env, connectTimeoutMs: 30, handleSignals: false }),
    ).rejects.toMatchObject({ code: 'MESH_LINK_ABSENT' });
  });

  test('fails at once when the node refuses the token', async () => {
    const connecting = connectAgent({ env: node.env, handleSignals: false });
    const told = expect(connecting).rejects.toMatchObject({ code: 'MESH_LINK_REFUSED' });
    await node.receiveKind('hello');

    await node.send({ kind: 'refused', error: { code: 'MESH_LINK_REFUSED', message: 'no' } });

    await told;
  });

  test('is closed for good when another process took its place', async () => {
    const agent = await connect();
    const calling = agent.call('librarian', 'search');
    const told = expect(calling).rejects.toMatchObject({ code: 'MESH_LINK_REFUSED' });

    await node.send({ kind: 'refused', error: { code: 'MESH_LINK_REFUSED', message: 'no' } });
    await told;

    expect(agent.closed.reason).toMatchObject({ code: 'MESH_LINK_REFUSED' });
    await expect(agent.call('librarian', 'search')).rejects.toMatchObject({
      code: 'MESH_LINK_REFUSED',
    });
  });

  test('tells the node about actions that are declared later, once for all of them', async () => {
    const agent = await connect();

    agent.action('search', anything, () => null);
    agent.action('stats', anything, () => null);
    const hello = await node.receive();

    expect(hello).toMatchObject({ kind: 'hello', actions: ['search', 'stats'] });
  });
});

describe('answering', () => {
  test('hands the handler parsed input, what time is left, and who calls', async () => {
    const agent = await connect();
    agent.action(
      'search',
      { input: z.object({ q: z.string(), limit: z.int().default(10) }) },
      (input, context) => ({ input, caller: context.caller, leftMs: context.remainingMs() }),
    );

    const answer = await ask('search', { args: { q: 'backup' }, caller: 'librarian.0' });

    expect(answer).toMatchObject({
      id: 'c1',
      result: { input: { q: 'backup', limit: 10 }, caller: 'librarian.0' },
    });
    const { leftMs } = answer.result as { leftMs: number };
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(3000);
  });

  test('answers arguments that do not fit with path and reason, and does not run', async () => {
    const agent = await connect();
    let runs = 0;
    agent.action('search', { input: z.object({ q: z.string() }) }, () => (runs += 1));

    const answer = await ask('search', { args: { q: 7 } });

    expect(answer.error).toMatchObject({
      code: 'MESH_INPUT_INVALID',
      details: { problems: [{ path: 'q' }] },
    });
    expect(runs).toBe(0);
  });

  test('names the actions there are when it does not know one', async () => {
    const agent = await connect();
    agent.action('search', anything, () => null);

    const answer = await ask('serach');

    expect(answer.error).toMatchObject({
      code: 'MESH_ACTION_UNKNOWN',
      message: expect.stringContaining('search') as string,
    });
  });

  test.each([
    ['an error', new Error('index torn'), { code: 'MESH_AGENT_FAILED', message: 'index torn' }],
    [
      'an error of its own',
      new AgentError('OUT_OF_STOCK', 'none left', { details: { shelf: 3 } }),
      { code: 'OUT_OF_STOCK', message: 'none left', details: { shelf: 3 } },
    ],
    [
      'details that are not JSON',
      new AgentError('ODD', 'odd', { details: { big: 1n } }),
      { code: 'ODD', message: 'odd' },
    ],
  ])('answers %s that the handler throws', async (_name, thrown, error) => {
    const agent = await connect();
    agent.action('search', anything, () => {
      throw thrown;
    });

    expect((await ask('search')).error).toEqual(error);
  });

  test('answers what does not fit its own output schema, or the bound, as a failure', async () => {
    const agent = await connect();
    agent.action('count', { ...anything, output: z.int() }, () => 0.5);
    agent.action('dump', anything, () => 'x'.repeat(linkLimits.answerBytes));

    expect((await ask('count')).error).toMatchObject({ code: 'OUTPUT_INVALID' });
    expect((await ask('dump')).error).toMatchObject({
      code: 'MESH_TOO_LARGE',
      details: { ran: true },
    });
  });

  test('nothing is answered as null', async () => {
    const agent = await connect();
    agent.action('reload', anything, () => {});

    expect(await ask('reload')).toEqual({ kind: 'answer', id: 'c1', result: null });
  });

  test('aborts the handler’s signal when the caller’s time is over', async () => {
    const agent = await connect();
    const ended = Promise.withResolvers<unknown>();
    agent.action('wait', anything, (_input, { signal }) => {
      signal.addEventListener('abort', () => ended.resolve(signal.reason));
      return ended.promise.then(() => 'late');
    });

    const answer = await ask('wait', { timeoutMs: 20 });

    expect(await ended.promise).toMatchObject({ code: 'MESH_EXPIRED' });
    expect(answer.result).toBe('late');
  });

  test('runs a repeated call once, and refuses what is over its bound', async () => {
    const agent = await connect();
    const gate = Promise.withResolvers<string>();
    let runs = 0;
    agent.action('wait', anything, () => {
      runs += 1;
      return gate.promise;
    });
    const call = { kind: 'call', action: 'wait', args: {}, timeoutMs: 9000 } as const;

    for (let n = 0; n < linkLimits.callsInFlight; n += 1) await node.send({ ...call, id: `c${n}` });
    await node.send({ ...call, id: 'c0' });
    const busy = await ask('wait', { id: 'one-more' });
    const ping = await ask('ping', { id: 'p1' });
    gate.resolve('done');
    const answers = new Set<string>();
    while (answers.size < linkLimits.callsInFlight)
      answers.add((await node.receiveKind('answer')).id);

    expect(busy).toMatchObject({ id: 'one-more', error: { code: 'MESH_BUSY' } });
    expect(ping).toEqual({ kind: 'answer', id: 'p1', result: { ok: true } });
    expect(runs).toBe(linkLimits.callsInFlight);
  });

  test('tells its health by itself, or as the agent wants to', async () => {
    const agent = await connect();
    agent.notReady('the index is being built');
    const own = await ask('health_check');
    agent.action('health', anything, () => 'as I like');

    expect(own.result).toMatchObject({
      status: 'not-ready',
      reason: 'the index is being built',
      callsInFlight: 0,
    });
    expect((await ask('health')).result).toBe('as I like');
  });

  test('refuses a second action of one name, and a built-in one', async () => {
    const agent = await connect();
    agent.action('search', anything, () => null);

    expect(() => agent.action('search', anything, () => null)).toThrow('declared already');
    expect(() => agent.action('ping', anything, () => null)).toThrow('built in');
  });
});

describe('calling others', () => {
  test('sends target, action, arguments and time, and gives back the result', async () => {
    const agent = await connect();

    const calling = agent.call('librarian', 'search', { q: 1 }, { timeoutMs: 700 });
    const call = await node.receiveKind('call');
    await node.send({ kind: 'answer', id: call.id, result: { hits: 2 } });

    expect(call).toMatchObject({ target: 'librarian', action: 'search', args: { q: 1 } });
    expect(call.timeoutMs).toBeGreaterThan(600);
    expect(call.timeoutMs).toBeLessThanOrEqual(700);
    expect(await calling).toEqual({ hits: 2 });
  });

  test('rejects with the code that came back', async () => {
    const agent = await connect();

    const calling = agent.call('nobody', 'search');
    const { id } = await node.receiveKind('call');
    await node.send({
      kind: 'answer',
      id,
      error: { code: 'MESH_AGENT_UNKNOWN', message: 'no such agent' },
    });

    await expect(calling).rejects.toMatchObject({
      code: 'MESH_AGENT_UNKNOWN',
      message: 'no such agent',
    });
  });

  test('is unknown when it was sent and not answered', async () => {
    const agent = await connect();

    await expect(agent.call('shard', 'search', {}, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'MESH_OUTCOME_UNKNOWN',
    });
  });

  test('refuses what is over a bound before anything is sent', async () => {
    const agent = await connect();
    const waiting = Array.from({ length: linkLimits.callsInFlight }, () =>
      agent.call('shard', 'search').catch(() => {}),
    );

    await expect(agent.call('shard', 'search')).rejects.toMatchObject({ code: 'MESH_BUSY' });
    await agent.close({ drainMs: 0 });
    await Promise.all(waiting);
    const other = await connect();
    await expect(
      other.call('shard', 'search', { text: 'x'.repeat(linkLimits.argsBytes) }),
    ).rejects.toMatchObject({ code: 'MESH_TOO_LARGE' });
    await expect(other.call('shard', 'search', {}, { timeoutMs: 0 })).rejects.toMatchObject({
      code: 'MESH_INPUT_INVALID',
    });
  });
});

describe('when the worker node restarts', () => {
  test('says hello again with what it said before, and its readiness', async () => {
    const agent = await connect();
    agent.action('search', anything, () => null);
    agent.ready();
    await node.receiveKind('ready');

    await node.restart();
    const hello = await node.welcome();

    expect(hello).toMatchObject({ ready: true, actions: ['search'], pid: process.pid });
  });

  test('says again why it is not ready', async () => {
    const agent = await connect();
    agent.notReady('no disk');
    await node.receiveKind('not-ready');

    await node.restart();
    await node.welcome();

    expect(await node.receiveKind('not-ready')).toMatchObject({ reason: 'no disk' });
  });

  test('says hello to a node that does not know its living connection', async () => {
    await connect();

    await node.send({ kind: 'hello?' });

    expect(await node.receive()).toMatchObject({ kind: 'hello', token: 'the-token' });
  });

  test('keeps a finished answer and a new call until it is welcome, and not longer', async () => {
    const agent = await connect();
    const gate = Promise.withResolvers<string>();
    agent.action('wait', anything, () => gate.promise);
    await node.send({ kind: 'call', id: 'c1', action: 'wait', args: {}, timeoutMs: 9000 });
    await ask('ping', { id: 'p1' });

    await node.restart();
    await node.receiveKind('hello');
    gate.resolve('done meanwhile');
    const calling = agent.call('librarian', 'search');
    const expired = agent.call('librarian', 'too-late', {}, { timeoutMs: 1 });
    await expect(expired).rejects.toMatchObject({ code: 'MESH_EXPIRED' });
    await node.send({ kind: 'hello?' });
    await node.welcome();

    const call = await node.receiveKind('call');
    const answer = await node.receiveKind('answer');
    await node.send({ kind: 'answer', id: call.id, result: 'found' });

    expect(call.action).toBe('search');
    expect(answer).toMatchObject({ id: 'c1', result: 'done meanwhile' });
    expect(await calling).toBe('found');
  });
});

describe('ending', () => {
  test('drained by its node, it finishes what runs and takes nothing new', async () => {
    const agent = await connect();
    const gate = Promise.withResolvers<string>();
    agent.action('wait', anything, () => gate.promise);
    await node.send({ kind: 'call', id: 'c1', action: 'wait', args: {}, timeoutMs: 9000 });

    await node.send({ kind: 'drain' });
    const refused = await ask('wait', { id: 'c2' });
    gate.resolve('done');

    expect(refused).toMatchObject({ id: 'c2', error: { code: 'MESH_STOPPING' } });
    expect(await node.receiveKind('answer')).toMatchObject({ id: 'c1', result: 'done' });
  });

  test('closing waits for calls, says goodbye last, and ends once', async () => {
    const agent = await connect();
    const gate = Promise.withResolvers<string>();
    agent.action('wait', anything, () => gate.promise);
    await node.send({ kind: 'call', id: 'c1', action: 'wait', args: {}, timeoutMs: 9000 });
    await ask('ping', { id: 'p1' });

    const closing = Promise.all([agent.close(), agent.close()]);
    gate.resolve('done');

    expect(await node.receiveKind('answer')).toMatchObject({ id: 'c1', result: 'done' });
    expect(await node.receive()).toEqual({ kind: 'bye' });
    await closing;
    expect(agent.closed.aborted).toBe(true);
  });

  test('closing gives up on a call that takes too long, and aborts its signal', async () => {
    const agent = await connect();
    const aborted = Promise.withResolvers<void>();
    agent.action('wait', anything, (_input, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve());
      return aborted.promise;
    });
    await node.send({ kind: 'call', id: 'c1', action: 'wait', args: {}, timeoutMs: 9000 });
    await ask('ping', { id: 'p1' });

    await agent.close({ drainMs: 10 });

    await aborted.promise;
  });

  test('SIGTERM lets calls under way finish, runs onStop, and exits with 0', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/slow-agent.ts')], {
      env: { ...process.env, ...node.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    const printed = text(child.stdout);
    await node.welcome();
    await node.receiveKind('ready');
    await node.send({ kind: 'call', id: 'c1', action: 'wait', args: {}, timeoutMs: 9000 });
    expect(await node.receiveKind('progress')).toMatchObject({ detail: 'waiting' });

    child.kill('SIGTERM');
    const answer = await node.receiveKind('answer');
    const [code] = (await exited) as [number | null];

    expect(answer).toMatchObject({ id: 'c1', result: 'finished' });
    expect(code).toBe(0);
    expect(await printed).toBe('stopped\n');
  });
});
