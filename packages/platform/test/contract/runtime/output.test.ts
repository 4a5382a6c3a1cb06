import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LaunchSpec, Run } from '@meshwork/shared';
import { isThere, itNeeds, pickForRun, until, useProcessRuntimeWorld } from '@meshwork/testkit';
import { describe, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import { createProcessRuntime } from '../../../src/runtime/create-process-runtime.ts';
import { followLog } from '../../../src/runtime/log/follow-log.ts';
import { readLog, type LogPage } from '../../../src/runtime/log/read-log.ts';
import { readRecord } from '../../../src/runtime/run.ts';
import { createTestDeps } from './test-deps.ts';

const KIB = 1024;
const gently = { signal: 'SIGTERM', graceMs: 5_000 } as const;

describe('the output of a program', () => {
  const world = useProcessRuntimeWorld({
    create: (dir) => createProcessRuntime({ dir }, createTestDeps()),
    isSureOfSignals: true,
  });
  const dir = (): string => world.path('../log');
  const log = (segmentBytes: number, maxSegments: number): Partial<LaunchSpec> => ({
    log: { dir: dir(), segmentBytes, maxSegments },
  });

  const pumpOf = (): number | undefined => readRecord(world.path('../runs/agent.0.run'))?.pump?.pid;

  /** Runs a script to its end; what it wrote is on disk then. */
  async function finish(script: string, more: Partial<LaunchSpec> = {}): Promise<Run> {
    const run = await world.launch(world.shell(script, more));
    await run.exit;
    await run.end(gently);
    return run;
  }

  async function readAll(
    folder = dir(),
  ): Promise<{ lines: string[]; droppedSegments: number; last: LogPage }> {
    const lines: string[] = [];
    let droppedSegments = 0;
    let page = await readLog(folder, { isFinal: true });
    for (;;) {
      lines.push(...page.lines.map((line) => line.text));
      droppedSegments += page.droppedSegments;
      if (page.atEnd) return { lines, droppedSegments, last: page };
      page = await readLog(folder, { cursor: page.cursor, isFinal: true });
    }
  }

  it('of a quiet program can be read at once, line by line', async () => {
    const run = await world.launch(world.shell('echo one; exec sleep 60'));
    await until('the first line', async () => (await readAll()).lines.includes('one'));
    await run.end(gently);
  });

  it('is all there, in order, over 40 and more segments', async () => {
    const count = pickForRun({ short: 400_000, long: 4_000_000 });
    await finish(`seq ${count}`, log(64 * KIB, 10_000));
    const { lines, last } = await readAll();
    expect(readdirSync(dir()).length).toBeGreaterThan(40);
    expect(lines.length).toBe(count);
    expect(lines.every((line, index) => line === String(index + 1))).toBe(true);
    expect(last.dropped).toEqual({ lines: 0, bytes: 0, uncounted: 0 });
  });

  it('of a flood stays within its bound, keeps the newest, and what is gone shows in the numbers', async () => {
    await finish('seq 1000000', log(64 * KIB, 4));
    const sizes = readdirSync(dir())
      .filter((name) => name.endsWith('.log'))
      .map((name) => statSync(join(dir(), name)).size);
    expect(sizes.length).toBeLessThanOrEqual(4);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * KIB);
    const { lines } = await readAll();
    expect(lines.at(-1)).toBe('1000000');
    const first = Number(lines[1]);
    expect(lines.slice(1).every((line, index) => line === String(first + index))).toBe(true);
    const page = await readLog(dir(), { cursor: { segment: 0, offset: 0 } });
    expect(page.droppedSegments * 64 * KIB).toBe(
      execFileSync('seq', ['1000000'], { maxBuffer: 16 * KIB * KIB }).length -
        sizes.reduce((a, b) => a + b),
    );
  });

  it('keeps the order of output and error', async () => {
    await finish('for i in $(seq 500); do echo out $i; echo err $i >&2; done');
    const { lines } = await readAll();
    const expected = Array.from({ length: 500 }, (_, index) => [
      `out ${index + 1}`,
      `err ${index + 1}`,
    ]);
    expect(lines).toEqual(expected.flat());
  });

  it('comes in pieces where a line is very long, and nothing of it is missing', async () => {
    await finish(
      `head -c ${5 * KIB * KIB} /dev/zero | tr '\\0' x; echo; echo after`,
      log(KIB * KIB, 8),
    );
    const pieces: string[] = [];
    let page = await readLog(dir());
    let cuts = 0;
    for (;;) {
      pieces.push(...page.lines.map((line) => line.text));
      cuts += page.lines.filter((line) => line.isCut).length;
      if (page.atEnd) break;
      page = await readLog(dir(), { cursor: page.cursor });
    }
    expect(Math.max(...pieces.map((piece) => piece.length))).toBe(64 * KIB);
    expect(pieces.at(-1)).toBe('after');
    expect(pieces.slice(0, -1).join('')).toBe('x'.repeat(5 * KIB * KIB));
    expect(cuts).toBe((5 * KIB) / 64);
  });

  it('is read where it is no UTF-8, and characters survive the borders of segments', async () => {
    writeFileSync(world.path('text'), `${'äöü€😀'.repeat(2_000)}\n`.repeat(5));
    await finish(
      `printf 'bad \\377\\376 bytes\\n'; printf 'nul \\000 byte\\n'; cat text`,
      log(4 * KIB, 1_000),
    );
    const { lines } = await readAll();
    expect(lines[0]).toBe('bad \uFFFD\uFFFD bytes');
    expect(lines[1]).toBe('nul \0 byte');
    expect(lines.slice(2)).toEqual(Array.from({ length: 5 }, () => 'äöü€😀'.repeat(2_000)));
  });

  it('of a later run begins on a line of its own', async () => {
    const first = await finish('printf "no end"');
    await first.forget();
    await finish('echo second');
    expect((await readAll()).lines).toEqual(['no end', 'second']);
  });

  it('is held by a grandchild without holding the exit back', async () => {
    const run = await world.launch(world.shell('setsid sleep 1000 & echo done'));
    expect(await run.exit).toMatchObject({ code: 0 });
    const pump = await until('the pump is recorded', pumpOf);
    expect(isThere(pump)).toBe(true);
    await run.end({ signal: 'SIGKILL', graceMs: 0 });
    expect(isThere(pump)).toBe(false);
  });

  it('leads to a child that forked twice, cleared its environment and has a session of its own', async () => {
    const run = await world.launch(
      world.shell(
        '(env -i PATH=$PATH setsid sh -c "echo \\$\\$ >child; exec sleep 1000" &); sleep 1000',
      ),
    );
    const child = Number(await world.written('child'));
    await run.end(gently);
    expect(isThere(child)).toBe(false);
  });

  it('goes on when the pump is killed: the program lives, and no line is missing', async () => {
    const script =
      'for i in $(seq 20000); do echo line $i; done; echo >half; while [ ! -e go ]; do sleep 0.01; done; seq 20000';
    const run = await world.launch(world.shell(script, log(16 * KIB, 1_000)));
    const pump = await until('the pump is recorded', pumpOf);
    process.kill(pump, 'SIGKILL');
    await world.written('half');
    writeFileSync(world.path('go'), '');
    expect(await run.exit).toMatchObject({ code: 0 });
    await run.end(gently);
    const { lines } = await readAll();
    const numbers = Array.from({ length: 20_000 }, (_, index) => String(index + 1));
    expect(lines).toEqual([...numbers.map((number) => `line ${number}`), ...numbers]);
  });

  itNeeds(
    ['root', 'linux'],
    'on a full disk is counted to the line, and the program is not held up',
    async () => {
      const disk = world.path('../disk');
      mkdirSync(disk);
      execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]);
      try {
        const folder = join(disk, 'log');
        const script =
          'seq 100000 199999; echo >full; while [ ! -e go ]; do sleep 0.01; done; seq 200000 200999';
        const run = await world.launch(
          world.shell(script, { log: { dir: folder, segmentBytes: 64 * KIB, maxSegments: 100 } }),
        );
        // 700,000 bytes into 512 KiB: the program ends its part only if it is not held up.
        await world.written('full');
        await until('something was dropped', async () => (await readLog(folder)).dropped.lines > 0);
        rmSync(join(folder, '0.log'));
        rmSync(join(folder, '1.log'));
        writeFileSync(world.path('go'), '');
        expect(await run.exit).toMatchObject({ code: 0 });
        await run.end(gently);
        const { lines, last } = await readAll(folder);
        const whole = lines.filter((line) => /^\d{6}$/.test(line)).length;
        const removed = (2 * 64 * KIB) / 7;
        expect(last.dropped.uncounted).toBe(0);
        expect(lines.at(-1)).toBe('200999');
        expect(lines.some((line) => line.includes(`${last.dropped.lines} lines`))).toBe(true);
        // Four lines are cut: at both ends of the removed segments, and where dropping began and ended.
        expect(Math.abs(whole + last.dropped.lines + removed - 101_000)).toBeLessThanOrEqual(4);
      } finally {
        execFileSync('/bin/umount', ['-l', disk]);
      }
    },
  );
});

describe('following output', () => {
  const world = useProcessRuntimeWorld({
    create: (dir) => createProcessRuntime({ dir }, createTestDeps()),
    isSureOfSignals: true,
  });

  it('gives every line once, in order, while it is written, and ends when told', async () => {
    const stopping = new AbortController();
    const dir = world.path('../log');
    const seen: string[] = [];
    // Begun before the directory is there.
    const following = (async () => {
      for await (const page of followLog(dir, {
        clock: createSystemClock(),
        signal: stopping.signal,
      })) {
        seen.push(...page.lines.map((line) => line.text));
        if (seen.at(-1) === '50000') stopping.abort();
      }
    })();
    await world.launch(
      world.shell('seq 50000', { log: { dir, segmentBytes: 8 * KIB, maxSegments: 1_000 } }),
    );
    await following;
    expect(seen).toEqual(Array.from({ length: 50_000 }, (_, index) => String(index + 1)));
  });

  it('tells what was deleted before it was read', async () => {
    const dir = world.path('../log');
    const run = await world.launch(
      world.shell('seq 100000', { log: { dir, segmentBytes: 64 * KIB, maxSegments: 2 } }),
    );
    await run.exit;
    await run.end(gently);
    const options = { clock: createSystemClock(), signal: AbortSignal.timeout(5_000) };
    for await (const page of followLog(dir, { ...options, cursor: { segment: 0, offset: 0 } })) {
      expect(page.droppedSegments).toBeGreaterThan(0);
      break;
    }
  });
});
