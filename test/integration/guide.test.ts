/** Walks docs/guide/your-agents.md as a reader would: every command in its order, in a folder outside the clone. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseYaml } from '@meshwork/platform';
import { parseFleet, Status } from '@meshwork/shared';
import { findLeftProcesses, hasNeed, itNeeds, until } from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { findFreePorts } from './free-ports.ts';

const needs = ['python3-zmq'] as const;
const readyWithinMs = 30_000;

interface Result {
  readonly command: string;
  readonly code: number;
  readonly output: string;
}

const guide = await readFile('docs/guide/your-agents.md', 'utf8');
const commands = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, text = '']) =>
  text
    .split('\n')
    .map((line) => line.replace(/ +#.*$/, ''))
    .filter((line) => line !== ''),
);
const secret = randomBytes(12).toString('hex');

let root: string;
let lab: string;
const results: Result[] = [];

beforeAll(async () => {
  if (!needs.every(hasNeed)) return;
  root = await mkdtemp(join(tmpdir(), 'mesh-guide-'));
  lab = join(root, 'lab');
  for (const command of commands) {
    // The guide ends with it; looked at by itself below.
    if (command === 'mesh down') break;
    const result = await type(command, command.startsWith('cp ') ? process.cwd() : lab);
    results.push(result);
    // What follows a failed command would only wait for what cannot come.
    if (result.code !== 0) return;
    if (command.startsWith('cp ')) await makeItsOwn();
    if (command.startsWith('mesh apply')) await untilReady();
    if (command.startsWith('mesh agent re') || command.startsWith('mesh agent start'))
      await untilReady();
  }
}, 120_000);
afterAll(async () => {
  if (root === undefined) return;
  await type('mesh down', lab);
  await rm(root, { recursive: true, force: true });
}, 60_000);

/** Types one line into a shell; `~` is the folder of this test. */
function type(command: string, cwd: string): Promise<Result> {
  const { PYTHONUNBUFFERED: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    HOME: root,
    // What was compiled and fetched before is not what this is about.
    XDG_CACHE_HOME: inherited['XDG_CACHE_HOME'] ?? join(inherited['HOME'] ?? root, '.cache'),
    PATH: `${resolve('bin')}:${inherited['PATH'] ?? ''}`,
    MESH_HTTP_PORT: '0',
    MESH_CONTROL_PORT: '0',
    MESH_ENROLMENT_PORT: '0',
  };
  // Each line has a shell of its own: where it goes is where the next one starts.
  if (command.startsWith('cd ')) return Promise.resolve({ command, code: 0, output: '' });
  return new Promise((done) => {
    execFile('/bin/sh', ['-c', command], { cwd, env }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : 1;
      done({ command, code, output: stdout + stderr });
    });
  });
}

/** The scripts' fixed ports may be somebody's here, and the secret is one that nothing else holds. */
async function makeItsOwn(): Promise<void> {
  const file = join(lab, 'fleet.yaml');
  const text = await readFile(file, 'utf8');
  const fixed = [...new Set(text.match(/\b[78]14\d\b/g))];
  const free = await findFreePorts(fixed.length);
  const moved = text.replaceAll(/\b[78]14\d\b/g, (port) => String(free[fixed.indexOf(port)]));
  await writeFile(file, moved);
  await writeFile(join(lab, 'weather.env'), `WEATHER_KEY=${secret}\n`, { mode: 0o644 });
}

async function readStatus(): Promise<Status> {
  const { output } = await type('mesh status -o json', lab);
  return Status.parse(JSON.parse(output));
}

async function untilReady(): Promise<Status> {
  let last: Status | undefined;
  return until(
    'all ten are ready',
    async () => {
      last = await readStatus();
      return (
        last.agents.length === 10 && last.agents.every(({ state }) => state === 'ready') && last
      );
    },
    { withinMs: readyWithinMs },
  ).catch((error: unknown) => {
    const rows = last?.agents.map((row) => `${row.instance} ${row.state} ${row.reason ?? ''}`);
    throw new Error(`${String(error)}\n${rows?.join('\n') ?? ''}`, { cause: error });
  });
}

const outputOf = (part: string): string =>
  results.find(({ command }) => command.includes(part))?.output ?? `no command has "${part}"`;

async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
}

describe('docs/guide/your-agents.md', () => {
  itNeeds(needs, 'has no command that fails', () => {
    const failed = results.filter(({ code }) => code !== 0);

    expect(failed).toEqual([]);
    expect(results.length).toBeGreaterThan(18);
  });

  itNeeds(needs, 'says how long its file is', async () => {
    const text = await readFile('test/fixtures/bring-your-own/fleet.yaml', 'utf8');
    const lines = text.trimEnd().split('\n').length;

    expect(guide).toContain(`file, ${lines} lines`);
    expect(lines).toBeLessThan(60);
  });

  itNeeds(needs, 'shows a fleet that is valid, and applied as it stands there', async () => {
    const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(guide) ?? [];

    const parsed = parseFleet(parseYaml(yaml).value, { fleetDir: lab });

    expect(parsed).toMatchObject({ ok: true });
  });

  itNeeds(needs, 'runs all ten scripts unmodified', async () => {
    const { agents } = await readStatus();

    expect(agents.filter(({ state }) => state !== 'ready')).toEqual([]);
    expect(agents).toHaveLength(10);
    expect(agents.every(({ evidence }) => evidence.protocol?.ok === true)).toBe(true);
    for (const name of await readdir('test/fixtures/bring-your-own/scripts')) {
      const original = await readFile(join('test/fixtures/bring-your-own/scripts', name), 'utf8');
      expect(await readFile(join(lab, 'scripts', name), 'utf8')).toBe(original);
    }
  });

  itNeeds(needs, 'starts a script after the one it depends on', async () => {
    const { agents } = await readStatus();
    const phaseOf = (name: string): number | undefined =>
      agents.find((agent) => agent.name === name)?.phase;

    expect(phaseOf('translator')).toBeGreaterThan(phaseOf('memory-orchestrator') ?? 99);
    expect(outputOf('agent show translator')).toMatch(/state +ready/);
  });

  itNeeds(needs, 'calls them with what it shows', () => {
    expect(JSON.parse(outputOf('calculator eval'))).toEqual({ result: 14 });
    expect(JSON.parse(outputOf('translator translate'))).toEqual({ result: 'gut Nacht' });
    expect(JSON.parse(outputOf('memory-orchestrator remember'))).toMatchObject({ count: 1 });
    expect(outputOf("'*' health_check").match(/"status"/g)).toHaveLength(10);
    expect(outputOf('ping --all')).toContain('11 of 11 answered');
  });

  itNeeds(needs, 'runs the one with a virtual environment in it', async () => {
    const { output } = await type('mesh call calculator health_check', lab);

    expect(JSON.parse(output)).toMatchObject({ prefix: join(lab, '.venv') });
  });

  itNeeds(needs, 'shows lines of a script that never flushes', () => {
    expect(outputOf('agent logs chatter')).toContain('chatter is up');
  });

  itNeeds(needs, 'exports a file whose plan is empty', async () => {
    await writeFile(join(lab, 'exported.yaml'), outputOf('mesh export'));

    const { code, output } = await type('mesh plan exported.yaml', lab);

    expect(output).toContain('nothing to change');
    expect(code).toBe(0);
  });

  itNeeds(needs, 'keeps the secret out of every answer, log and file of the mesh', async () => {
    const { output: forecast } = await type(`mesh call weather forecast '{"city":"Oslo"}'`, lab);
    const asked = await Promise.all(
      [
        'status -o json',
        'agent show weather -o json',
        'agent logs weather',
        'export bring-your-own',
        'events -n 1000 -o json',
        'config show',
      ].map((words) => type(`mesh ${words}`, lab)),
    );
    const files = await filesUnder(join(lab, '.mesh'));
    const holding = [];
    for (const file of files) {
      if ((await readFile(file)).includes(secret)) holding.push(file);
    }

    expect(JSON.parse(forecast)).toHaveProperty('signature');
    expect([...results, ...asked].filter(({ output }) => output.includes(secret))).toEqual([]);
    expect(holding).toEqual([]);
    expect(files.length).toBeGreaterThan(20);
  });

  itNeeds(
    needs,
    'ends with mesh down, which leaves no process, and the next up has the same ten',
    async () => {
      const down = await type('mesh down', lab);
      const left = findLeftProcesses(lab);
      const up = await type('mesh up --detach', lab);
      const status = await untilReady();

      expect([down.code, up.code]).toEqual([0, 0]);
      expect(left).toEqual([]);
      expect(status.agents).toHaveLength(10);
    },
  );
});
