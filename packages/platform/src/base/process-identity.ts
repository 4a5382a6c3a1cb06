import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * What tells one process from every other, also from a later one with the same pid.
 *
 * A pid alone is never enough to send a signal: compare all of it first ({@link isSameProcess}).
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Identity of this boot of the machine; pids and start times mean nothing in another. */
  readonly bootId: string;
  /** When the process started, in the kernel's own unit (clock ticks since boot). */
  readonly startTime: string;
  /** The pid namespace in which `pid` counts, e.g. `pid:[4026531836]`; empty where the system has none. */
  readonly pidNamespace: string;
}

/** Identity of a living process, default this one; undefined when there is none (a zombie counts as none). */
export function readProcessIdentity(pid: number = process.pid): ProcessIdentity | undefined {
  const startTime = readStartTime(pid);
  if (startTime === undefined) return undefined;
  return { pid, bootId: readBootId(), startTime, pidNamespace: readPidNamespace() };
}

/** Whether exactly this process is alive now, on this boot and in this pid namespace. */
export function isSameProcess(identity: ProcessIdentity): boolean {
  const now = readProcessIdentity(identity.pid);
  return (
    now !== undefined &&
    now.bootId === identity.bootId &&
    now.startTime === identity.startTime &&
    now.pidNamespace === identity.pidNamespace
  );
}

/** Identity of this boot: the kernel's boot id; on macOS the boot time. */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'latin1' }).trim();
  }
}

function readPidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function readStartTime(pid: number): string | undefined {
  if (process.platform !== 'linux') return readStartTimeByPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything, also spaces and parentheses: fields count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function readStartTimeByPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'latin1' });
    return text.trim() || undefined;
  } catch {
    return undefined;
  }
}
