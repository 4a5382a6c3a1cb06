/**
 * A vitest setup file: fails a test file that leaves something running or open.
 *
 * Each file gets a temporary folder of its own through TMPDIR, so whatever its tests start and
 * detach names that folder somewhere and can be told from the rest of the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

import { findLeftHoldings, findLeftProcesses, readHoldings } from './leftovers.ts';

/** Sockets close and processes end a moment after they were told to; HTTP keep-alive lasts 4 s. */
const SETTLE_MS = Number(process.env['MESHWORK_LEAK_SETTLE_MS'] ?? 5_000);
const LOOK_EVERY_MS = 20;

// Taken before a test can put fake timers in their place.
const { setTimeout: wait } = globalThis;
const monotonicMs = performance.now.bind(performance);

// This module is loaded before the test file is, once for each, so top-level leaks count too.
const before = readHoldings();
const outerTmpdir = process.env['TMPDIR'];
const folder = mkdtempSync(join(tmpdir(), 'mw-'));
process.env['TMPDIR'] = folder;

afterAll(async () => {
  if (outerTmpdir === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = outerTmpdir;

  const deadlineMs = monotonicMs() + SETTLE_MS;
  let left: readonly string[];
  do {
    // Waits first: until this hook has returned its promise, vitest holds a timer for it.
    await new Promise((resolve) => wait(resolve, LOOK_EVERY_MS));
    left = findLeft();
  } while (left.length > 0 && monotonicMs() < deadlineMs);
  endLeftProcesses();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  if (left.length > 0) throw new Error(`This test file left behind:\n- ${left.join('\n- ')}`);
}, SETTLE_MS + 5_000);

function findLeft(): readonly string[] {
  const processes = findLeftProcesses(folder).map(
    ({ pid, command }) => `process ${pid}: ${command.slice(0, 200)}`,
  );
  return [...findLeftHoldings(before, readHoldings()), ...processes];
}

/** One file's leftover must not disturb the next file. */
function endLeftProcesses(): void {
  for (const { pid } of findLeftProcesses(folder)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
