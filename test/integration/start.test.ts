import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readLock } from '@meshwork/platform';
import { CallResult, listOf, Status, type AgentRow } from '@meshwork/shared';
import { findLeftProcesses, hasNeed, itNeeds, until } from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { z } from 'zod';
import {
  makeMeshFolder,
  openMeshShell,
  type MeshFolder,
  type RunningCommand,
} from './mesh-folder.ts';
import { isFollowing, readReadmeCommands } from './readme-commands.ts';

const needs = ['python3'] as const;
const startedWithinMs = 60_000;
const Calls = listOf(CallResult);

let folder: MeshFolder;
let starting: RunningCommand;

beforeAll(async () => {
  if (!needs.every(hasNeed)) return;
  folder = await makeMeshFolder();
  const documents = join(folder.path, 'documents');
  await mkdir(documents);
  for (let index = 0; index < 40; index += 1) {
    const text = `# Note ${index}\n\nHow to make a backup of machine ${index}, and where it lies.\n`;
    await writeFile(join(documents, `note-${index}.md`), text);
  }
  starting = folder.start('start', '--documents', documents);
  await starting.untilSays('Type next', startedWithinMs);
}, 90_000);
afterAll(() => folder?.stop(), 60_000);

async function readStatus(): Promise<Status> {
  const { stdout, stderr } = await folder.mesh('status', '-o', 'json');
  if (stdout === '') throw new Error(stderr);
  return Status.parse(JSON.parse(stdout));
}

async function callAll(target: string, action: string, args = {}): Promise<CallResult[]> {
  const command = ['call', target, action, JSON.stringify(args), '-o', 'json', '--timeout', '10s'];
  return Calls.parse(JSON.parse((await folder.mesh(...command)).stdout)).items;
}

const pidsOf = (status: Status): Record<string, number | undefined> =>
  Object.fromEntries(status.agents.map((agent) => [agent.instance, agent.pid]));

const epochsOf = (status: Status): Record<string, string | undefined> =>
  Object.fromEntries(status.agents.map((agent) => [agent.instance, agent.epoch]));

/** How many agents of a node start in each phase, first to last. */
function phasesOf(agents: readonly AgentRow[], node: string): readonly number[] {
  const byPhase = Map.groupBy(
    agents.filter((agent) => agent.node === node),
    (agent) => agent.phase ?? 0,
  );
  return [...byPhase].toSorted(([a], [b]) => a - b).map(([, members]) => members.length);
}

describe('mesh start', () => {
  itNeeds(needs, 'has all 77 agents of the home lab ready, in their phases', async () => {
    const { agents, nodes } = await readStatus();

    expect(agents.filter(({ state }) => state !== 'ready')).toEqual([]);
    expect(nodes.map(({ name, state }) => [name, state])).toEqual([
      ['main-pc', 'alive'],
      ['pc2', 'alive'],
    ]);
    expect(phasesOf(agents, 'main-pc')).toEqual([1, 1, 11, 25, 12, 4]);
    expect(phasesOf(agents, 'pc2')).toEqual([2, 10, 7, 2, 1, 1]);
    const groups = agents.filter(({ node }) => node === 'main-pc').map(({ group }) => group);
    expect(new Set(groups).size).toBe(12);
  });

  itNeeds(needs, 'has at least 60 agents whose probe was answered', async () => {
    const { agents } = await readStatus();
    const probed = agents.filter(({ evidence }) => evidence.protocol?.ok === true);

    expect(probed.length).toBeGreaterThanOrEqual(60);
  });

  itNeeds(needs, 'says what runs where, who answers, and what to type next', () => {
    const output = starting.stdout();

    expect(output).toContain('mesh ping --all: 79 of 79 answered');
    expect(output).toMatch(/main-pc +alive .* 54\/54 ready/);
    expect(output).toMatch(/pc2 +alive .* 23\/23 ready/);
    expect(output).toContain(`bin/mesh call librarian search '{"q":"backup"}'`);
  });

  itNeeds(needs, 'takes less than 1.5 GB for its 77 agents', async () => {
    const { agents } = await readStatus();

    const bytes = pssOfTrees(agents.flatMap(({ pid }) => (pid === undefined ? [] : [pid])));

    expect(bytes).toBeGreaterThan(50e6);
    expect(bytes).toBeLessThan(1.5e9);
  });

  itNeeds(needs, 'finds documents of both nodes, and names a shard that is stopped', async () => {
    const [whole] = await callAll('librarian', 'search', { q: 'backup', limit: 40 });
    expect((await folder.mesh('agent', 'stop', 'shard-e')).code).toBe(0);
    const partial = await until(
      'the stopped shard is named',
      async () => {
        const [found] = await callAll('librarian', 'search', { q: 'backup', limit: 40 });
        return JSON.stringify(found?.result).includes('"shard-e"') && found;
      },
      { withinMs: 15_000 },
    );

    expect(whole).toMatchObject({ status: 'answered', result: { missing: [] } });
    const { hits } = z
      .object({ hits: z.array(z.object({ node: z.string() })) })
      .parse(whole?.result);
    expect(new Set(hits.map(({ node }) => node))).toEqual(new Set(['main-pc', 'pc2']));
    const { missing } = z.object({ missing: z.unknown() }).parse(partial.result);
    expect(JSON.stringify(missing)).toContain('shard-e');
    await folder.mesh('agent', 'start', 'shard-e');
  });

  itNeeds(needs, 'has no agent that only sleeps: what each counts rises', async () => {
    const workOf = (items: readonly CallResult[]): Map<string, number> =>
      new Map(
        items
          .filter(({ status }) => status === 'answered')
          .map((item) => [item.agent, z.object({ work: z.number() }).parse(item.result).work]),
      );
    await untilAllReady();
    const results = await callAll('*', 'stats');
    const before = workOf(results);
    const refused = results.filter(({ status }) => status !== 'answered');
    const still = new Set(before.keys());

    await until(
      'every counter has risen',
      async () => {
        for (const [agent, work] of workOf(await callAll('*', 'stats')))
          if (work > (before.get(agent) ?? Infinity)) still.delete(agent);
        return still.size === 0;
      },
      { withinMs: 30_000 },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)} Still: ${[...still].join(', ')}`, { cause: error });
    });

    expect(before.size).toBeGreaterThanOrEqual(60);
    expect(refused.filter(({ error }) => error?.code !== 'MESH_AGENT_NOT_CALLABLE')).toEqual([]);
    for (const { agent } of refused) {
      const { stdout } = await folder.mesh('agent', 'logs', agent, '-n', '5');
      expect(stdout).toMatch(/\d/);
    }
  });

  itNeeds(needs, 'answers every command that the README shows for it', async () => {
    await untilAllReady();
    const { example } = await readReadmeCommands();
    const clone = openMeshShell(process.cwd(), {
      env: { MESH_DIR: join(folder.path, '.mesh', 'example') },
    });
    const failed: string[] = [];

    for (const command of example) {
      const words = [...command.replace(/^(bin\/)?mesh /, '').matchAll(/'([^']*)'|(\S+)/g)].map(
        ([, quoted, bare]) => quoted ?? bare ?? '',
      );
      if (isFollowing(command)) {
        const following = clone.start(...words);
        await following.untilSays('\n');
        following.child.kill('SIGINT');
        if ((await following.ended) !== 0) failed.push(`${command}: ${following.output()}`);
      } else {
        const { code, stdout, stderr } = await clone.mesh(...words);
        if (code !== 0) failed.push(`${command}: ${stdout}${stderr}`);
      }
      if (command.includes('restart')) await untilAllReady();
    }

    expect(failed).toEqual([]);
    expect(example.length).toBeGreaterThan(8);
  });

  itNeeds(
    needs,
    'killed with -9 leaves everything running; the next start takes it over',
    async () => {
      const before = await untilAllReady();
      starting.child.kill('SIGKILL');
      await starting.ended;

      starting = folder.start('start');
      await starting.untilSays('Type next', startedWithinMs);

      const after = await untilAllReady();
      expect(pidsOf(after)).toEqual(pidsOf(before));
      expect(after.mesh.term).toBe(before.mesh.term);
      expect(starting.output()).toContain('taken over');
    },
  );

  itNeeds(needs, 'stops everything with Ctrl-C; the next start has the same fleet', async () => {
    const before = await untilAllReady();
    const fleets = (await folder.mesh('export', '-o', 'json')).stdout;
    await folder.mesh('call', 'memory-store', 'put', '{"key":"kept","value":"over the night"}');

    starting.child.kill('SIGINT');
    const code = await starting.ended;
    const left = findLeftProcesses(folder.path);
    starting = folder.start('start');
    await starting.untilSays('Type next', startedWithinMs);

    expect(code).toBe(0);
    expect(left).toEqual([]);
    expect(starting.output()).not.toContain('applied');
    const after = await untilAllReady();
    expect(after.mesh.id).toBe(before.mesh.id);
    expect((await folder.mesh('export', '-o', 'json')).stdout).toBe(fleets);
    expect(epochsOf(after)).toEqual(epochsOf(before));
    const kept = await folder.mesh('call', 'memory-store', 'get', '{"key":"kept"}');
    expect(kept.stdout).toContain('over the night');
    expect(readdirSync(join(folder.path, '.mesh/example/state'))).toContain('memory-store');
  });

  itNeeds(needs, 'stops everything when its terminal is closed', async () => {
    starting.child.kill('SIGINT');
    await starting.ended;
    const cli = resolve('packages/cli/src/main.ts');
    const root = join(folder.path, '.mesh', 'example');
    const command = `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${cli}' start`;
    // `script` is the terminal: once it is gone, the kernel hangs up on what runs in it.
    const terminal = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      cwd: folder.path,
      env: { ...process.env, MESH_HTTP_PORT: '0', MESH_CONTROL_PORT: '0', TERM: 'xterm' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let shown = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
    const closed = new Promise((done) => terminal.once('close', done));
    await until('it is started', () => shown.includes('Type next'), { withinMs: startedWithinMs });
    expect(readLock(root)).toBeDefined();

    terminal.kill('SIGKILL');
    await closed;

    await until('nothing is left', () => findLeftProcesses(folder.path).length === 0, {
      withinMs: 30_000,
    });
  });
});

async function untilAllReady(): Promise<Status> {
  return until(
    'all 77 are ready',
    async () => {
      const status = await readStatus();
      const ready = status.agents.filter(({ state, isStale }) => state === 'ready' && !isStale);
      return ready.length === 77 && status;
    },
    { withinMs: 30_000 },
  );
}

/** Proportional memory of processes and all their descendants. */
function pssOfTrees(pids: readonly number[]): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = readOrEmpty(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parent > 0) parents.set(Number(name), parent);
  }
  const members = new Set(pids);
  let size: number;
  do {
    size = members.size;
    for (const [pid, parent] of parents) if (members.has(parent)) members.add(pid);
  } while (members.size > size);
  return [...members].reduce((sum, pid) => {
    const pss = /^Pss: +(\d+) kB$/m.exec(readOrEmpty(`/proc/${pid}/smaps_rollup`))?.[1];
    return sum + Number(pss ?? 0) * 1024;
  }, 0);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended a moment ago.
    return '';
  }
}
