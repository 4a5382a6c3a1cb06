import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What one process holds at one moment: the resources that keep its loop alive, and its open files. */
export interface Holdings {
  /** Names as `process.getActiveResourcesInfo()` gives them, one entry a resource. */
  readonly resources: readonly string[];
  /** File descriptor number -> what it is open on. Empty where there is no `/proc`. */
  readonly descriptors: ReadonlyMap<string, string>;
}

/** A live process that carries the mark of the test that started it. */
export interface LeftProcess {
  readonly pid: number;
  readonly command: string;
}

/** Reads what this process holds now. */
export function readHoldings(): Holdings {
  return { resources: process.getActiveResourcesInfo(), descriptors: readDescriptors() };
}

/**
 * Lists, in words, what `after` holds more than `before`.
 *
 * libzmq keeps the context of a process open for good (per I/O thread, and once for its reaper, an
 * epoll and an eventfd, and one eventfd more), and libuv a pipe to itself for signals: both are no
 * leaks, what is opened on top of them is.
 */
export function findLeftHoldings(before: Holdings, after: Holdings): readonly string[] {
  const left = [...countMore(before.resources, after.resources)].map(
    ([name, count]) => `${count} open ${name}`,
  );
  const fresh = [...after.descriptors]
    .filter(([fd, target]) => before.descriptors.get(fd) !== target)
    .map(([, target]) => target);
  const polls = fresh.filter((target) => target === 'anon_inode:[eventpoll]').length;
  const events = fresh.filter((target) => target === 'anon_inode:[eventfd]').length;
  const contextEvents = polls >= 2 ? polls + 1 : 1;
  if (events > contextEvents) {
    left.push(`${events - contextEvents} open eventfd (a ZeroMQ socket or a worker thread)`);
  }
  for (const target of fresh) {
    const isOwnPipe =
      target.startsWith('pipe:') && fresh.indexOf(target) !== fresh.lastIndexOf(target);
    const isFile = target.startsWith('/') && !/^\/(dev|proc|sys)\//.test(target);
    if (isFile || target.startsWith('socket:') || (target.startsWith('pipe:') && !isOwnPipe)) {
      left.push(`open descriptor on ${target}`);
    }
  }
  return left;
}

/**
 * Finds live processes that name `mark` in their environment, arguments or working directory.
 *
 * `mark` is a path that nothing else on the machine uses. So a daemon that left its parent, its
 * session and its environment is still found, as long as it works on the test's files.
 */
export function findLeftProcesses(mark: string): readonly LeftProcess[] {
  return listPids().flatMap((pid) => {
    if (pid === process.pid) return [];
    const command = readProcFile(pid, 'cmdline').replaceAll('\0', ' ').trim();
    // A zombie has no command line: it has ended, and its parent will read that or end too.
    if (command === '') return [];
    const texts = [command, readProcFile(pid, 'environ'), readLink(`/proc/${pid}/cwd`)];
    return texts.some((text) => text.includes(mark)) ? [{ pid, command }] : [];
  });
}

function countMore(before: readonly string[], after: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of after) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const name of before) counts.set(name, (counts.get(name) ?? 0) - 1);
  return new Map([...counts].filter(([, count]) => count > 0));
}

function readDescriptors(): ReadonlyMap<string, string> {
  return new Map(
    readNames('/proc/self/fd').flatMap((fd) => {
      const target = readLink(`/proc/self/fd/${fd}`);
      return target === '' || target.startsWith('/proc/') ? [] : [[fd, target] as const];
    }),
  );
}

function listPids(): readonly number[] {
  return readNames('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function readNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty when the process is gone or belongs to somebody else. */
function readProcFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
