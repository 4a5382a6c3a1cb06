import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { itNeeds, until, useProcessRuntimeWorld } from '@meshwork/testkit';
import { describe, expect, it } from 'vitest';
import { createProcessRuntime } from '../../../src/runtime/create-process-runtime.ts';
import { readLog } from '../../../src/runtime/log/read-log.ts';
import { createTestDeps } from './test-deps.ts';

describe('the user of a program', () => {
  const world = useProcessRuntimeWorld({
    create: (dir) => createProcessRuntime({ dir }, createTestDeps()),
    isSureOfSignals: true,
  });

  it('may be named although it is the daemon’s own', async () => {
    const run = await world.launch(world.shell('exit 5', { user: userInfo().username }));
    expect(await run.exit).toMatchObject({ code: 5 });
  });

  itNeeds(['root'], 'gives it ids, groups and home, and none of the daemon’s groups', async () => {
    openTo(world.path('..'), world.path('../..'));
    mkdirSync(world.path('open'));
    chmodSync(world.path('open'), 0o777);
    const script =
      'grep -E "^(Uid|Gid|Groups)" /proc/self/status >ids; echo "$HOME $USER $LOGNAME" >names';
    const run = await world.launch(
      world.shell(script, { user: 'nobody', cwd: world.path('open') }),
    );
    expect(await run.exit).toMatchObject({ code: 0 });
    const [, , uid, gid, , home] = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((line) => line.startsWith('nobody:'))!
      .split(':');
    const [uids, gids, groups] = readFileSync(world.path('open/ids'), 'utf8').split('\n');
    expect(uids).toBe(['Uid:', uid, uid, uid, uid].join('\t'));
    expect(gids).toBe(['Gid:', gid, gid, gid, gid].join('\t'));
    expect(groups?.split(/\s+/).filter((group) => group === '0')).toEqual([]);
    expect(readFileSync(world.path('open/names'), 'utf8').trim()).toBe(`${home} nobody nobody`);
  });

  itNeeds(['root'], 'may open its own output anew, as /dev/stdout', async () => {
    openTo(world.path('..'), world.path('../..'));
    const run = await world.launch(world.shell('echo hello >/dev/stdout', { user: 'nobody' }));
    expect(await run.exit).toMatchObject({ code: 0 });
    await run.end({ signal: 'SIGTERM', graceMs: 5_000 });
    const { lines } = await readLog(world.path('../log'));
    expect(lines.map((line) => line.text)).toEqual(['hello']);
  });

  itNeeds(['root'], 'is ended with its tree, and its exit is told', async () => {
    openTo(world.path('..'), world.path('../..'));
    const run = await world.launch(
      world.shell('trap "exit 7" TERM; while :; do sleep 0.01; done', { user: 'nobody' }),
    );
    await until('the program is that user’s', () =>
      readFileSync(`/proc/${run.pid}/cmdline`, 'latin1').startsWith('/usr/bin/sh'),
    );
    const end = await run.end({ signal: 'SIGTERM', graceMs: 5_000 });
    expect(end.left).toEqual([]);
    expect(end.killed).toBe(0);
  });

  itNeeds(
    ['root'],
    'is refused a working directory and a program that it may not use',
    async () => {
      openTo(world.path('..'), world.path('../..'));
      mkdirSync(world.path('closed'), { mode: 0o700 });
      writeFileSync(world.path('closed/program'), '#!/bin/sh\n', { mode: 0o755 });
      const problems = await world.check(
        world.spec([world.path('closed/program')], { user: 'nobody', cwd: world.path('closed') }),
      );
      expect(problems.map((problem) => problem.code).toSorted()).toEqual([
        'MESH_CWD_MISSING',
        'MESH_EXEC_DENIED',
      ]);
    },
  );
});

/** Temporary folders are their maker's alone. */
function openTo(...folders: readonly string[]): void {
  for (const folder of folders) chmodSync(folder, 0o755);
}
