/** Walks docs/guide/agents-in-typescript.md: its files as they stand there, its commands in their order. */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { startRealMesh, type MeshOutput, type RealMesh } from '@meshwork/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';

const guide = await readFile('docs/guide/agents-in-typescript.md', 'utf8');
const blocks = [...guide.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', file, text = '']) => ({ language, file, text }),
);

let mesh: RealMesh;
const outputs = new Map<string, MeshOutput>();

beforeAll(async () => {
  mesh = await startRealMesh();
  for (const { file, text } of blocks) {
    if (file !== undefined) await writeFile(join(mesh.work, file), text);
  }
  const sdk = resolve('packages/agent-sdk');
  await mkdir(join(mesh.work, 'node_modules/@meshwork'), { recursive: true });
  await symlink(sdk, join(mesh.work, 'node_modules/@meshwork/agent-sdk'));
  await symlink(join(sdk, 'node_modules/zod'), join(mesh.work, 'node_modules/zod'));
  for (const line of commandLines()) {
    outputs.set(line, await mesh.mesh(...toArguments(line)));
    if (line.includes('apply')) await mesh.untilReady({ agents: 2 });
  }
}, 90_000);
afterAll(() => mesh?.stop(), 60_000);

function commandLines(): string[] {
  return blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => line.startsWith('mesh '));
}

/** Splits as a shell does where only single quotes are used. */
function toArguments(line: string): string[] {
  return [...line.slice('mesh '.length).matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? '',
  );
}

test('every command of the guide works', () => {
  const failed = [...outputs].filter(([, { code }]) => code !== 0);

  expect(failed).toEqual([]);
  expect(outputs.size).toBeGreaterThan(4);
});

test('the report is what the guide says', () => {
  const promised = /^The report is `(.*)`\.$/m.exec(guide)?.[1] ?? '';
  const [, report] = [...outputs].find(([line]) => line.includes('report ')) ?? [];

  expect(JSON.parse(report?.stdout ?? '')).toEqual(JSON.parse(promised));
});

test('progress is shown as the guide says', async () => {
  await expect
    .poll(async () => (await mesh.mesh('agent', 'show', 'tally')).stdout, { timeout: 20_000 })
    .toContain('apples is 3');
});

test('an agent that is stopped runs onStop and ends with 0', async () => {
  await mesh.mesh('agent', 'stop', 'reporter');
  await expect
    .poll(async () => (await mesh.mesh('agent', 'logs', 'reporter')).stdout, { timeout: 20_000 })
    .toContain('the report is closed');

  await expect
    .poll(async () => (await mesh.status()).agents.find(({ name }) => name === 'reporter')?.state, {
      timeout: 20_000,
    })
    .toBe('stopped');
});
