/** Runs agents of the example fleet without a mesh: in dependency order, with the environment a node would give them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { parseYaml } from '@meshwork/platform';
import { interpolate, parseFleet, type AgentSpec, type Fleet } from '@meshwork/shared';

/** The fleet file that `mesh start` applies. */
export const exampleFleetFile = join(import.meta.dirname, '../../examples/fleets/home-lab.yaml');

/** The distribution's interpreter where there is one: what comes first on PATH may be a slow wrapper. */
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

/** One agent that was started by hand. */
export interface RunningAgent {
  readonly child: ChildProcess;
  /** The port it listens on; undefined for one that has none. */
  readonly port: number | undefined;
  readonly lines: readonly string[];
  /** Resolves with exit code and signal. */
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** What the agents of one test share. */
export interface ByHandOptions {
  readonly fleet: Fleet;
  /** The folder of documents they work on. */
  readonly documents: string;
  /** Each agent keeps its state in a folder of its own below this one. */
  readonly state: string;
}

/** Agents that run, and what can be done with them. */
export interface ByHand {
  readonly running: ReadonlyMap<string, RunningAgent>;
  /** Starts one agent; what it depends on must run. A port that it had before it gets again. */
  start(name: string): Promise<RunningAgent>;
  /** Starts agents and all they depend on, phase by phase, each phase when the one before is ready. */
  startAll(names: readonly string[]): Promise<void>;
  /** Calls an action as the mesh does: `POST /ACTION`. */
  call(name: string, action: string, body?: object): Promise<{ status: number; body: unknown }>;
  /** Sends a signal and waits for the end. */
  end(name: string, signal?: NodeJS.Signals): Promise<number | null>;
  /** Ends all that run. */
  endAll(): Promise<void>;
}

/** Reads the example fleet; throws where the file is not valid. */
export async function readExampleFleet(): Promise<Fleet> {
  const { value } = parseYaml(await readFile(exampleFleetFile, 'utf8'));
  const parsed = parseFleet(value, { fleetDir: dirname(exampleFleetFile) });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems, undefined, 2));
  return parsed.fleet;
}

/** Whether an agent can be run by hand: one that speaks over the agent link needs a mesh. */
export function needsNoMesh(spec: AgentSpec): boolean {
  return spec.health?.link === undefined;
}

/** Agents of `fleet` that can be started one by one. */
export function createByHand({ fleet, documents, state }: ByHandOptions): ByHand {
  const running = new Map<string, RunningAgent>();
  const ports = new Map<string, number>();

  function specOf(name: string): AgentSpec {
    for (const [key, spec] of fleet.agents) if (key === name) return spec;
    throw new Error(`the fleet has no agent ${name}`);
  }

  function resolve(text: string): string {
    const variables: Record<string, string> = {
      'node.var.documents': documents,
      'node.var.state': state,
      'node.var.python': python,
      'node.var.node': process.execPath,
    };
    return interpolate(text, (name) => variables[name]).text;
  }

  function environmentOf(name: string, spec: AgentSpec): NodeJS.ProcessEnv {
    const env: NodeJS.ProcessEnv = {
      PATH: process.env['PATH'],
      MESH_AGENT: name,
      MESH_INSTANCE: `${name}.0`,
      MESH_NODE: spec.placement.node,
      MESH_PORT_HTTP: String(ports.get(name) ?? 0),
    };
    for (const [key, value] of Object.entries(spec.env)) env[key] = resolve(value);
    for (const other of spec.start.dependsOn) {
      const key = other.toUpperCase().replaceAll('-', '_');
      env[`MESH_ADDR_${key}_HTTP`] = `127.0.0.1:${ports.get(other) ?? 1}`;
    }
    return env;
  }

  async function start(name: string): Promise<RunningAgent> {
    const spec = specOf(name);
    const [file = '', ...args] = spec.command.map(resolve);
    const child = spawn(file, args, {
      cwd: resolve(spec.cwd ?? '.'),
      env: environmentOf(name, spec),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    const exit = new Promise<{ code: number | null; signal: string | null }>((done, fail) => {
      child.once('error', fail);
      child.once('close', (code, signal) => {
        running.delete(name);
        done({ code, signal });
      });
    });
    const firstLine = new Promise<string>((done) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        lines.push(line);
        done(line);
      });
    });
    const line = await Promise.race([firstLine, exit.then(({ code }) => `exit ${code}`)]);
    const port = /listens on \S+:(\d+)$/.exec(line)?.[1];
    if (port !== undefined) ports.set(name, Number(port));
    const agent = { child, port: ports.get(name), lines, exit };
    running.set(name, agent);
    return agent;
  }

  async function call(
    name: string,
    action: string,
    body: object = {},
  ): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${ports.get(name) ?? 1}/${action}`, {
      method: 'POST',
      headers: { connection: 'close' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  async function untilReady(name: string): Promise<void> {
    const deadlineMs = performance.now() + 30_000;
    for (;;) {
      const answer = await call(name, 'health');
      if (answer.status === 200) return;
      if (performance.now() > deadlineMs) throw new Error(`${name}: ${JSON.stringify(answer)}`);
      await sleep(20);
    }
  }

  function withDependencies(names: readonly string[], found = new Set<string>()): Set<string> {
    for (const name of names) {
      if (found.has(name)) continue;
      found.add(name);
      withDependencies(specOf(name).start.dependsOn, found);
    }
    return found;
  }

  async function startAll(names: readonly string[]): Promise<void> {
    const waiting = withDependencies(names);
    for (const name of running.keys()) waiting.delete(name);
    while (waiting.size > 0) {
      const next = [...waiting].filter((name) =>
        specOf(name).start.dependsOn.every((other) => !waiting.has(other)),
      );
      if (next.length === 0) throw new Error(`a cycle in ${[...waiting].join(', ')}`);
      await Promise.all(
        next.map(async (name) => {
          const { port } = await start(name);
          if (port !== undefined) await untilReady(name);
        }),
      );
      for (const name of next) waiting.delete(name);
    }
  }

  async function end(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const agent = running.get(name);
    if (agent === undefined) throw new Error(`${name} does not run`);
    agent.child.kill(signal);
    return (await agent.exit).code;
  }

  return {
    running,
    start,
    startAll,
    call,
    end,
    async endAll() {
      await Promise.all([...running.keys()].map((name) => end(name)));
    },
  };
}
