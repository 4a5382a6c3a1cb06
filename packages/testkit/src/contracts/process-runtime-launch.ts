import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PATH, atOnce, type ProcessRuntimeWorld } from './process-runtime-world.ts';

/** How programs start, and when they are refused. */
export function describeLaunch(world: ProcessRuntimeWorld): void {
  describe('a launch is refused', () => {
    it('when the program is not in PATH, naming it and PATH', async () => {
      const launched = world.launch(world.spec(['no-such-program']));
      await expect(launched).rejects.toMatchObject({
        code: 'MESH_EXEC_MISSING',
        message: expect.stringMatching(/no-such-program.*\/usr\/local\/bin:\/usr\/bin:\/bin/),
      });
    });

    it('when the program may not be executed', async () => {
      writeFileSync(world.path('plain'), 'text', { mode: 0o644 });
      await expect(world.launch(world.spec(['./plain']))).rejects.toMatchObject({
        code: 'MESH_EXEC_DENIED',
      });
    });

    it('when a script names an interpreter that is not there', async () => {
      writeFileSync(world.path('script'), '#!/no/such/interpreter\n', { mode: 0o755 });
      await expect(world.launch(world.spec(['./script']))).rejects.toMatchObject({
        code: 'MESH_EXEC_MISSING',
        message: expect.stringContaining('/no/such/interpreter'),
      });
    });

    it('when the working directory is missing', async () => {
      const launched = world.launch(world.shell('exit 0', { cwd: world.path('../away') }));
      await expect(launched).rejects.toMatchObject({ code: 'MESH_CWD_MISSING' });
    });

    it('when the user is unknown', async () => {
      const launched = world.launch(world.shell('exit 0', { user: 'no-such-user' }));
      await expect(launched).rejects.toMatchObject({ code: 'MESH_USER_UNKNOWN' });
    });

    it('when a variable has a name that cannot be handed over', async () => {
      const launched = world.launch(world.shell('exit 0', { env: { PATH, 'not-a.name': '1' } }));
      await expect(launched).rejects.toMatchObject({ code: 'MESH_ENV_INVALID' });
    });

    it('when a run of its id is there, until that is forgotten', async () => {
      const first = await world.launch(world.shell('exit 0'));
      await expect(world.launch(world.shell('exit 0'))).rejects.toMatchObject({
        code: 'MESH_RUN_EXISTS',
      });
      await first.exit;
      await first.end(atOnce);
      await first.forget();
      const second = await world.launch(world.shell('exit 4'));
      expect(await second.exit).toMatchObject({ code: 4 });
    });

    it('when it was canceled, and nothing of it runs or is left', async () => {
      const canceling = new AbortController();
      const launched = world.launch(world.shell('echo $$ >pid; sleep 1000'), canceling.signal);
      canceling.abort(new Error('not wanted any more'));
      await expect(launched).rejects.toThrow('not wanted any more');
      expect(await world.succeed()).toEqual([]);
    });
  });

  it('checks without starting anything and names all problems at once', async () => {
    const problems = await world.check(
      world.spec(['no-such-program'], { cwd: world.path('../away'), user: 'no-such-user' }),
    );
    expect(problems.map((problem) => problem.code).toSorted()).toEqual([
      'MESH_CWD_MISSING',
      'MESH_EXEC_MISSING',
      'MESH_USER_UNKNOWN',
    ]);
    expect(await world.check(world.shell('exit 0'))).toEqual([]);
  });

  describe('a program', () => {
    it('gets exactly its environment, and nothing of the daemon’s', async () => {
      process.env['RUNTIME_TEST_LEAK'] = 'leaked';
      try {
        const tricky = ' two\nlines "quoted" $HOME `x` \\ end ';
        await world.launch(
          world.shell('env -0 >env.tmp; echo done >env', {
            env: { PATH, n: '5', IFS: ',', TRICKY: tricky },
          }),
        );
        await world.written('env');
        const env = Object.fromEntries(
          readFileSync(world.path('env.tmp'), 'utf8')
            .split('\0')
            .filter((entry) => entry !== '')
            .map((entry) => [
              entry.slice(0, entry.indexOf('=')),
              entry.slice(entry.indexOf('=') + 1),
            ]),
        );
        expect(env).toMatchObject({ PATH, n: '5', TRICKY: tricky });
        const others = Object.keys(env).filter(
          (name) => !['PATH', 'n', 'IFS', 'TRICKY', 'PWD', '_', 'MESH_RUN_COOKIE'].includes(name),
        );
        expect(others).toEqual([]);
      } finally {
        delete process.env['RUNTIME_TEST_LEAK'];
      }
    });

    it('gets its arguments as they are', async () => {
      const tricky = ['a b', '', '$HOME', '"', "'", '-n', '--', '\\', 'new\nline', '*'];
      await world.launch(
        world.spec([
          'sh',
          '-c',
          'for a; do printf "%s\\0" "$a"; done >args.tmp; echo done >args',
          'x',
          ...tricky,
        ]),
      );
      await world.written('args');
      const args = readFileSync(world.path('args.tmp'), 'utf8').split('\0').slice(0, -1);
      expect(args).toEqual(tricky);
    });

    it('starts with default signals, an empty input and a session of its own', async () => {
      await world.launch(
        world.shell(
          'grep -E "^Sig(Ign|Blk)" /proc/self/status >status; cat >input; cat /proc/self/stat >stat; echo $$ >pid',
        ),
      );
      const pid = (await world.written('pid')).trim();
      expect(readFileSync(world.path('status'), 'utf8').match(/[0-9a-f]{16}/g)).toEqual([
        '0000000000000000',
        '0000000000000000',
      ]);
      expect(readFileSync(world.path('input'), 'utf8')).toBe('');
      const session = readFileSync(world.path('stat'), 'utf8').split(' ')[5];
      expect(session).toBe(pid);
    });

    it('runs in its working directory under the pid that is told', async () => {
      const run = await world.launch(world.shell('pwd >cwd; echo $$ >pid; sleep 1000'));
      expect((await world.written('pid')).trim()).toBe(String(run.pid));
      expect((await world.written('cwd')).trim()).toBe(world.path());
      expect(Math.abs(run.startedAtMs - Date.now())).toBeLessThan(5_000);
    });
  });
}
