import { readdirSync, readFileSync } from 'node:fs';
import { itNeeds, until, useProcessRuntimeWorld } from '@meshwork/testkit';
import { describe, expect } from 'vitest';
import { createProcessRuntime } from '../../../src/runtime/create-process-runtime.ts';
import { createTestDeps } from './test-deps.ts';

describe('the starter of shims', () => {
  const world = useProcessRuntimeWorld({
    create: (dir) => createProcessRuntime({ dir }, createTestDeps()),
    isSureOfSignals: true,
  });

  itNeeds(['linux'], 'is replaced when it was killed, and no program notices', async () => {
    const first = await world.launch(world.shell('sleep 60; exit 3', { id: 'first' }));
    const [killed] = starters();
    process.kill(killed!, 'SIGKILL');
    await until('the starter is gone', () => !starters().includes(killed!));

    const second = await world.launch(world.shell('exit 4', { id: 'second' }));

    expect(await second.exit).toMatchObject({ code: 4 });
    expect(first.ended).toBe(false);
    await first.end({ signal: 'SIGKILL', graceMs: 0 });
  });

  itNeeds(
    ['linux'],
    'hands over any text as it is, and nothing of it to other processes’ arguments',
    async () => {
      const odd = `it's "odd" \\ $HOME \`x\` \n second line \t ü`;
      const run = await world.launch(
        world.shell('printf %s "$ODD" >odd; exec sleep 60', {
          env: { ODD: odd, PATH: '/usr/bin:/bin' },
        }),
      );
      await until('it has written', () => readdirSync(world.path('.')).includes('odd'));
      const commands = readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => readProc(pid, 'cmdline'));

      expect(readFileSync(world.path('odd'), 'utf8')).toBe(odd);
      expect(commands.filter((command) => command.includes(`it's "odd"`))).toEqual([]);
      await run.end({ signal: 'SIGKILL', graceMs: 0 });
    },
  );
});

/** Starters that this process has started and that live. */
function starters(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const parent = readProc(pid, 'stat').split(') ')[1]?.split(' ')[1];
      return (
        parent === String(process.pid) && readProc(pid, 'cmdline').includes('mesh-shim-starter')
      );
    })
    .map(Number);
}

function readProc(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
