import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFleetFile } from '../../src/fleet/read-fleet-file.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mesh-fleet-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function read(text: string) {
  await writeFile(join(dir, 'fleet.yaml'), text);
  return readFleetFile('fleet.yaml', dir);
}

describe('readFleetFile', () => {
  it('gives the fleet, its document and the folder that ${fleet.dir} means', async () => {
    const file = await read(
      'fleet: lab\nagents:\n  a:\n    command: [sleep, "1"]\n    cwd: "${fleet.dir}"\n',
    );

    expect(file).toMatchObject({ fleet: 'lab', fleetDir: dir });
  });

  it('names every problem at once, each with file, line, path and reason', async () => {
    const text = [
      'fleet: lab',
      'agents:',
      '  good:',
      '    command: [sleep]',
      '    comand: [sleep]',
      '  Bad_Name:',
      '    command: []',
      '  other:',
      '    command: [x, "${port.nope}"]',
      '    exclusive: true',
    ].join('\n');

    const problems = await read(text).then(
      () => [],
      (error: { details: { problems: { where: string; reason: string }[] } }) =>
        error.details.problems.map(({ where, reason }) => `${where} ${reason}`),
    );

    expect(problems).toEqual([
      expect.stringMatching(/^fleet\.yaml:\d+ agents\.good.*"comand"/),
      expect.stringMatching(/^fleet\.yaml:\d+ agents\.Bad_Name: a name is/),
      expect.stringMatching(/^fleet\.yaml:7 agents\.Bad_Name\.command: /),
      expect.stringMatching(/^fleet\.yaml:10 agents\.other\.exclusive: .*not supported/),
      expect.stringMatching(
        /^fleet\.yaml:9 agents\.other\.command\.1: unknown variable "\$\{port\.nope\}"/,
      ),
    ]);
  });

  it('says where YAML itself is broken', async () => {
    await expect(read('fleet: [lab\nagents: }')).rejects.toMatchObject({
      code: 'MESH_FLEET_INVALID',
      details: {
        problems: expect.arrayContaining([
          { where: expect.stringMatching(/^fleet\.yaml:\d/), reason: expect.any(String) },
        ]),
      },
    });
  });

  it('says which file is missing', async () => {
    await expect(readFleetFile('nope.yaml', dir)).rejects.toMatchObject({
      code: 'MESH_FILE_UNREADABLE',
    });
  });
});
