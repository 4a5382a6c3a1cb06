/** Walks docs/guide/second-pc.md: its commands in their order, those of the second PC in a folder of their own. */
import { readFile } from 'node:fs/promises';
import { startRealMesh, until, type MeshOutput, type RealMesh } from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeMeshFolder, type MeshFolder, type RunningCommand } from './mesh-folder.ts';

interface Step extends MeshOutput {
  readonly command: string;
}

const guide = await readFile('docs/guide/second-pc.md', 'utf8');
const commands = [...guide.matchAll(/^```sh (main|pc2)\n([\s\S]*?)^```$/gm)].flatMap(
  ([, where, text = '']) =>
    text
      .split('\n')
      .filter((command) => command !== '')
      .map((command) => ({ where, command })),
);

let mesh: RealMesh;
let pc2: MeshFolder;
let pc3: MeshFolder;
let joining: RunningCommand;
let waiting: RunningCommand | undefined;
const steps: Step[] = [];

beforeAll(async () => {
  mesh = await startRealMesh();
  pc2 = await makeMeshFolder();
  pc3 = await makeMeshFolder();
  for (const { where, command } of commands)
    await (where === 'main' ? onMain(command) : onPc2(command));
}, 120_000);
afterAll(async () => {
  await pc3?.stop();
  await pc2?.stop();
  await mesh?.stop();
}, 60_000);

const outputOf = (command: string): string =>
  steps.find((step) => step.command === command)?.stdout ?? '';

async function onMain(command: string): Promise<void> {
  const fingerprint = waiting === undefined ? '' : await fingerprintOf(waiting);
  const words = command.replace('FINGERPRINT', fingerprint).split(' ').slice(1);
  // The machine of this test may have addresses that only others see.
  if (command.includes(' invite')) words.push('--address', '127.0.0.1');
  steps.push({ command, ...(await mesh.mesh(...words)) });
  if (command === 'mesh node invite --pending') {
    const [, line = ''] = /^ {2}mesh (join .*)$/m.exec(outputOf(command)) ?? [];
    waiting = pc3.start(...line.replaceAll("'", '').split(' '), '--name', 'pc3');
    await fingerprintOf(waiting);
  }
  if (command.startsWith('mesh node accept')) await waiting?.untilSays('is attached');
}

async function onPc2(command: string): Promise<void> {
  if (command === 'mesh join TOKEN') {
    const [, token = ''] = /^ {2}mesh join (\S+)$/m.exec(outputOf('mesh node invite pc2')) ?? [];
    joining = pc2.start('join', token);
    await joining.untilSays('is attached to the main node');
    return;
  }
  steps.push({ command, ...(await pc2.mesh(...command.split(' ').slice(1))) });
}

async function fingerprintOf(command: RunningCommand): Promise<string> {
  const print = /([0-9a-f]{4}-){7}[0-9a-f]{4}/;
  await command.untilSays(print);
  return print.exec(command.output())?.[0] ?? '';
}

describe('docs/guide/second-pc.md', () => {
  it('has no command that fails', () => {
    // Doctor is about the whole machine: what it finds there besides the mesh is none of the guide's.
    const failed = steps.filter(({ code, command }) => code !== 0 && command !== 'mesh doctor');

    expect(failed).toEqual([]);
    expect(steps.length).toBeGreaterThan(7);
  });

  it('shows the fingerprint that waits on both PCs', async () => {
    expect(outputOf('mesh node list')).toContain(await fingerprintOf(waiting ?? joining));
    expect(outputOf('mesh node accept pc3 FINGERPRINT')).toContain('accepted pc3');
  });

  it('has a second PC that is pinged, and knows how it is', () => {
    expect(outputOf('mesh ping pc2')).toMatch(/node +pc2 +\S+ +ok/);
    expect(outputOf('mesh doctor')).toMatch(/ok +main node of pc2 +attached/);
  });

  it('ends what was joined with mesh down there, and takes the node out', async () => {
    expect(await joining.ended).toBe(0);
    await until('pc2 is no node any more', async () =>
      (await mesh.status()).nodes.every(({ name }) => name !== 'pc2'),
    );
  });
});
