import { execFileSync } from 'node:child_process';
import type { TestContext } from 'vitest';
import { it } from 'vitest';

/** Something a test needs from the machine that not every machine has. */
export type Need =
  | 'root'
  | 'linux'
  | 'netns'
  | 'iptables'
  | 'docker'
  | 'systemd'
  | 'python3'
  | 'python3-zmq'
  | 'bwrap'
  | 'mount';

/** What a missing need is called in the reason, and how to find out; a command counts when it exits with 0. */
const PROBES: Record<Need, { readonly words: string; readonly isThere: () => boolean }> = {
  root: { words: 'root', isThere: () => process.getuid?.() === 0 },
  linux: { words: 'Linux', isThere: () => process.platform === 'linux' },
  netns: {
    words: 'the right to make network namespaces (iproute2 and root)',
    isThere: () => canRun('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']),
  },
  iptables: {
    words: 'iptables',
    isThere: () => canRun('unshare', ['--net', 'iptables', '-w', '-L', '-n']),
  },
  docker: { words: 'a Docker engine', isThere: () => canRun('docker', ['info']) },
  systemd: {
    words: 'systemd as PID 1',
    isThere: () => canRun('systemctl', ['show', '-p', 'Version']),
  },
  python3: { words: 'python3', isThere: () => canRun('python3', ['-c', '']) },
  'python3-zmq': {
    words: "Debian's python3-zmq for /usr/bin/python3",
    isThere: () => canRun('/usr/bin/python3', ['-c', 'import zmq']),
  },
  mount: {
    words: 'the right to mount a tmpfs',
    isThere: () => canRun('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']),
  },
  bwrap: { words: 'bubblewrap', isThere: () => canRun('bwrap', ['--ro-bind', '/', '/', 'true']) },
};

const PROBE_TIMEOUT_MS = 10_000;

/**
 * Declares a test that runs only where the machine has all of `needs`.
 *
 * Elsewhere it is skipped with the missing needs as the reason; with `MESHWORK_CI=1`, where a skip
 * would hide a promise that nobody tests any more, it fails with that reason.
 */
export function itNeeds(
  needs: readonly Need[],
  name: string,
  run: (context: TestContext) => Promise<void> | void,
  timeoutMs?: number,
): void {
  const declare = async (context: TestContext): Promise<void> => {
    const missing = needs.filter((need) => !PROBES[need].isThere());
    if (missing.length === 0) return run(context);
    const reason = `needs ${missing.map((need) => PROBES[need].words).join(' and ')}`;
    if (process.env['MESHWORK_CI'] === '1') throw new Error(`Cannot run here: ${reason}.`);
    return context.skip(reason);
  };
  if (timeoutMs === undefined) it(name, declare);
  else it(name, { timeout: timeoutMs }, declare);
}

/** Whether this machine has `need`. */
export function hasNeed(need: Need): boolean {
  return PROBES[need].isThere();
}

function canRun(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: PROBE_TIMEOUT_MS });
    return true;
  } catch {
    return false;
  }
}
