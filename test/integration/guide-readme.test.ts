/** The README's part about agents of one's own: its fleet file and its commands as they stand there. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasNeed, itNeeds } from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePorts } from './free-ports.ts';
import { makeMeshFolder, type MeshFolder, type RunningCommand } from './mesh-folder.ts';
import { readReadmeCommands } from './readme-commands.ts';

const needs = ['python3-zmq'] as const;
const { own, elsewhere } = await readReadmeCommands();

let folder: MeshFolder;
let up: RunningCommand | undefined;
const results: { command: string; code: number; output: string }[] = [];

beforeAll(async () => {
  if (!needs.every(hasNeed)) return;
  folder = await makeMeshFolder();
  await makeAgents(join(folder.path, 'agents'));
  for (const command of own) {
    const words = command.split(' ').slice(1);
    if (command === 'mesh up') {
      up = folder.start(...words);
      await up.untilSays('In another terminal');
      continue;
    }
    const { code, stdout, stderr } = await folder.mesh(...words);
    results.push({ command, code, output: stdout + stderr });
  }
}, 60_000);
afterAll(() => folder?.stop(), 60_000);

/** The two programs that the README's fleet file names, and the file itself. */
async function makeAgents(agents: string): Promise<void> {
  await mkdir(agents);
  const memory = 'test/fixtures/bring-your-own/scripts/memory_orchestrator.py';
  await cp(memory, join(agents, 'memory.py'));
  await writeFile(join(agents, 'vision.py'), 'import time\nwhile True: time.sleep(1)\n');
  const readme = await readFile('README.md', 'utf8');
  const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const [zmq, health] = await findFreePorts(2);
  const text = yaml
    .replaceAll('/home/me/agents', agents)
    .replace('7140', String(zmq))
    .replace('8140', String(health))
    // The system's own, which has the library.
    .replaceAll('[python3,', '[/usr/bin/python3,');
  await writeFile(join(folder.path, 'fleet.yaml'), text);
}

describe('README.md', () => {
  it('starts with what it takes to try it, and has commands for the rest', () => {
    expect(elsewhere).toEqual(['npx --yes pnpm@12 start', 'npx --yes pnpm@12 test']);
    expect(own).toContain('mesh apply fleet.yaml');
  });

  itNeeds(needs, 'has commands for agents of one’s own that work', async () => {
    expect(results.filter(({ code }) => code !== 0)).toEqual([]);
    expect(results.map(({ command }) => command)).toEqual(own.filter((c) => c !== 'mesh up'));
    expect(await up?.ended).toBe(0);
  });

  itNeeds(needs, 'has a fleet file whose agents are planned and shown', () => {
    const outputOf = (command: string): string =>
      results.find((result) => result.command === command)?.output ?? '';

    expect(outputOf('mesh plan fleet.yaml')).toContain('plan of home: 2 add, 2 agents');
    expect(outputOf('mesh apply fleet.yaml')).toContain('applied of home: 2 add, 2 agents');
    expect(outputOf('mesh status')).toMatch(/memory\.0/);
  });
});
