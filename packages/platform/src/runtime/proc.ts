/*
 * All reading of Linux's /proc for the process runtime stands here, so that another system needs another file only.
 *
 * A pid alone names nothing: every answer comes with the start time. That something could not be read because this daemon
 * ran out of descriptors or memory is thrown: a living process must never be taken for ended.
 */
import { closeSync, openSync, readFileSync, readSync, readdirSync, readlinkSync } from 'node:fs';

/** The fields of /proc/PID/stat that tell processes apart and relate them. */
export interface ProcStat {
  readonly pid: number;
  /** One letter, see proc(5); `Z` and `X` have ended. */
  readonly state: string;
  readonly parent: number;
  readonly session: number;
  /** Clock ticks since boot (field 22). */
  readonly startTicks: number;
}

/** What names one process of this boot: a later one with the same pid has another start time. */
export type ProcId = Pick<ProcStat, 'pid' | 'startTicks'>;

/** Name of the variable that every process of a run inherits; its value is the run's own. */
export const COOKIE_VARIABLE = 'MESH_RUN_COOKIE';

/** The kernel shows times to programs in hundredths of a second on every architecture (USER_HZ). */
const TICKS_PER_SECOND = 100;

const buffer = Buffer.allocUnsafe(64 * 1024);

/** Reads the text of one `stat` file; undefined when it is not one. The name in parentheses may hold anything. */
export function parseProcStat(text: string): ProcStat | undefined {
  const nameEnds = text.lastIndexOf(')');
  const fields = text.slice(nameEnds + 2).split(' ');
  const stat = {
    pid: Number.parseInt(text, 10),
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
  };
  return nameEnds > 0 && stat.pid > 0 && Number.isInteger(stat.startTicks) ? stat : undefined;
}

/** A living process; undefined when there is none of that pid, a zombie included. */
export function readProcStat(pid: number): ProcStat | undefined {
  const text = readSmall(`/proc/${pid}/stat`);
  const stat = text === undefined ? undefined : parseProcStat(text);
  return stat === undefined || stat.state === 'Z' || stat.state === 'X' ? undefined : stat;
}

/** Whether exactly this process is alive. */
export function isAlive(id: ProcId): boolean {
  return readProcStat(id.pid)?.startTicks === id.startTicks;
}

/** Ids of all processes that can be seen. */
export function listPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d/.test(name))
    .map(Number);
}

/** How many pids were given out since boot, and which was the last: they are given out in a circle. */
export function readPidAllocation(): { readonly count: number; readonly last: number } {
  const count = /^processes (\d+)$/m.exec(readSmall('/proc/stat') ?? '')?.[1];
  const last = (readSmall('/proc/loadavg') ?? '').trim().split(' ').at(-1);
  return { count: Number(count ?? Number.NaN), last: Number(last || Number.NaN) };
}

/**
 * The run cookie in a process's environment.
 *
 * Undefined where the environment may not be read or names none: some programs overwrite theirs to set a title.
 */
export function readCookie(pid: number): string | undefined {
  // Not by readSmall: an environment may be large.
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch (error) {
    if (isGone(error) || isDenied(error)) return undefined;
    throw error;
  }
  return new RegExp(`(?:^|\0)${COOKIE_VARIABLE}=([^\0]*)`).exec(text)?.[1];
}

/** What a descriptor of a process is open on, e.g. `pipe:[123]`; undefined when it cannot be seen. */
export function readDescriptor(pid: number, fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return undefined;
  }
}

/** The pid namespace of this process, in which all pids here count; empty where it cannot be seen. */
export function readPidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** Wall-clock ms at which a process started, exact to about 10 ms. */
export function toWallMs(startTicks: number, nowMs: number): number {
  const uptimeSeconds = Number.parseFloat(readSmall('/proc/uptime') ?? '0');
  return Math.round(nowMs - uptimeSeconds * 1000 + (startTicks * 1000) / TICKS_PER_SECOND);
}

/** Undefined when there is no such file; what else keeps it from being read is thrown, for it says nothing of a process. */
function readSmall(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** ESRCH: the process ended while its file was open. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}

function isDenied(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM';
}
