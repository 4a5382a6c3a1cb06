import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  createMetrics,
  createStateFile,
  createSystemClock,
  createSystemRandom,
} from '@meshwork/platform';
import {
  AgentName,
  Epoch,
  Health,
  InstanceId,
  NodeName,
  type Component,
  type Logger,
} from '@meshwork/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { createCaller } from '../../src/calls/create-caller.ts';
import {
  LinkHostState,
  createAgentLinkHost,
  type OwnedAgentLinkHost,
} from '../../src/link/create-agent-link-host.ts';
import { createProber } from '../../src/probes/create-prober.ts';
import { openAsk } from '../../src/probes/open-ask.ts';
import type { Caller, LinkEndpoint, Prober } from '../../src/services/ports.ts';

/** An agent on the SDK, as a user writes it. */
const counter = join(import.meta.dirname, '../../../agent-sdk/test/fixtures/counter.ts');
const never = new AbortController().signal;
const target = { instance: InstanceId.parse('counter.0'), ports: {} };
const spec = { ...target, agent: AgentName.parse('counter'), epoch: Epoch.parse('1.1') };
const health = Health.parse({ link: {}, interval: '60s' });
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** The parts of a worker node that talk to agents, wired as the daemon wires them. */
interface Node {
  readonly links: OwnedAgentLinkHost;
  readonly prober: Prober;
  readonly caller: Caller;
  stop(): Promise<void>;
}

let folder: string;
let agent: ChildProcess | undefined;
const nodes: Node[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'al-'));
});

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  if (agent?.exitCode === null && agent.signalCode === null) {
    const exited = once(agent, 'exit');
    agent.kill('SIGKILL');
    await exited;
  }
  await rm(folder, { recursive: true });
});

async function startNode(): Promise<Node> {
  const [clock, random] = [createSystemClock(), createSystemRandom()];
  const links = createAgentLinkHost(
    {
      clock,
      random,
      logger: silent,
      metrics: createMetrics({ processMetrics: false }),
      route: (ask) =>
        Promise.resolve({
          status: 'answered',
          answer: {
            instance: InstanceId.parse('librarian.0'),
            node: NodeName.parse('pc3'),
            result: { hits: [ask.args], asked: `${ask.target} ${ask.action}`, by: ask.caller },
            durationMs: 1,
          },
        }),
      onReady: (instance) => prober.hurry(instance),
    },
    {
      node: NodeName.parse('pc2'),
      scope: folder,
      base: join(folder, 'run'),
      state: createStateFile({
        path: join(folder, 'links.json'),
        format: 'test-links',
        version: 1,
        schema: LinkHostState,
      }),
    },
  );
  const prober = createProber({
    clock,
    random,
    logger: silent,
    openAsk: (asked, how) => openAsk(links, asked, how),
  });
  const caller = createCaller({ clock, link: links });
  const parts: Component[] = [links, prober, caller];
  for (const part of parts) await part.start(never);
  let stopping: Promise<void> | undefined;
  const node: Node = {
    links,
    prober,
    caller,
    stop() {
      stopping ??= (async () => {
        for (const part of parts.toReversed()) await part.stop(AbortSignal.abort());
      })();
      return stopping;
    },
  };
  nodes.push(node);
  return node;
}

function launch({ endpoint, token }: LinkEndpoint): ChildProcess {
  agent = spawn(process.execPath, [counter], {
    env: { ...process.env, MESH_LINK: endpoint, MESH_TOKEN: token },
    stdio: 'inherit',
  });
  return agent;
}

/** Resolves at the first good probe. The interval is a minute: only the quick pace can make it in time. */
function ready(node: Node): Promise<void> {
  return new Promise((resolve) => {
    node.prober.watch(target, health, ({ ok }) => {
      if (ok) resolve();
    });
  });
}

let calls = 0;

async function call(node: Node, action: string, args: Record<string, unknown>): Promise<unknown> {
  calls += 1;
  const options = { timeoutMs: 5000, id: `c${calls}` };
  const { result } = await node.caller.call(target, { action, args }, options);
  return result;
}

test('a program on the SDK is ready, called, calls others, and keeps its count over a restart of its node', async () => {
  const first = await startNode();
  const program = launch(await first.links.open(spec));
  await ready(first);

  expect(await call(first, 'add', { n: 2 })).toBe(2);
  expect(await call(first, 'ask', { q: 'backup' })).toEqual({
    hits: [{ q: 'backup' }],
    asked: 'librarian search',
    by: 'counter.0',
  });
  expect(first.links.progress(target.instance)).toMatchObject({ detail: 'counting' });
  await first.stop();

  const second = await startNode();
  await second.links.open(spec);
  await ready(second);

  expect(await call(second, 'add', { n: 3 })).toBe(5);
  await expect(call(second, 'add', { n: 'three' })).rejects.toMatchObject({
    code: 'MESH_INPUT_INVALID',
  });
  expect(program.exitCode).toBeNull();
});

test('SIGTERM ends a program on the SDK with 0, and its node knows that it is gone', async () => {
  const node = await startNode();
  const program = launch(await node.links.open(spec));
  await ready(node);
  const exited = once(program, 'exit');

  program.kill('SIGTERM');
  const [code] = (await exited) as [number | null];

  expect(code).toBe(0);
  await expect.poll(() => node.links.hasSdk(target.instance)).toBe(false);
});

test('a program of an earlier epoch cannot speak for the present one', async () => {
  const node = await startNode();
  const program = launch(await node.links.open(spec));
  await ready(node);
  const exited = once(program, 'exit');
  node.prober.unwatch(target.instance);

  await node.links.open({ ...spec, epoch: Epoch.parse('1.2') });

  // Nothing keeps it alive once its link has ended for good.
  await exited;
  expect(node.links.hasSdk(target.instance)).toBe(false);
});
