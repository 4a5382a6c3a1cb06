import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { MeshError, type Clock, type LaunchSpec, type Random } from '@meshwork/shared';
import { discardRun } from './discard-run.ts';
import { prepareSegments } from './log/segments.ts';
import { prepareLaunch, type PreparedLaunch } from './prepare-launch.ts';
import { COOKIE_VARIABLE, isAlive } from './proc.ts';
import type { ProcessTable } from './process-table.ts';
import { readRecord, type StartedRecord } from './run.ts';
import { encodeRunHeader } from './run-file.ts';
import { SHIM_SCRIPT, toShimArguments } from './shim-script.ts';
import type { ShellTools } from './shell-tools.ts';
import type { ShimStarter } from './shim-starter.ts';

/** What a launch needs to know. */
export interface LaunchOptions {
  readonly spec: LaunchSpec;
  /** Of the run file. */
  readonly path: string;
  readonly bootId: string;
  readonly pidNamespace: string;
  readonly tools: ShellTools;
  readonly signal: AbortSignal;
}

/** What a launch needs from outside. */
export interface LaunchDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly starter: ShimStarter;
  readTable(): Promise<ProcessTable>;
  /** Calls back whenever the run file may have changed; answers how to end that. */
  onChange(look: () => void): () => void;
}

const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const MAX_TAG_BYTES = 256 * 1024;
/** From the start of the shim until the program's process exists: a few ms, more on a machine that swaps. */
const START_LIMIT_MS = 10_000;

/** Starts shim, pump and program; resolves with the record once the program's process exists. See `ProcessRuntime.launch`. */
export async function launchRun(options: LaunchOptions, deps: LaunchDeps): Promise<StartedRecord> {
  const { spec, path, signal } = options;
  checkSpec(spec);
  signal.throwIfAborted();
  const { problems, launch } = await prepareLaunch(spec, options.tools);
  if (problems[0] !== undefined) throw problems[0];
  signal.throwIfAborted();
  const cookie = Buffer.from(deps.random.bytes(16)).toString('hex');
  const started = await startShim(options, launch, cookie, deps);
  if ('main' in started) return started;
  const record = readRecord(path);
  if (record !== undefined) await discardRun(path, record, deps);
  throw started.failure;
}

function checkSpec(spec: LaunchSpec): void {
  const problems: string[] = [];
  if (!RUN_ID.test(spec.id)) problems.push('id is not fit for a file name');
  if (!isAbsolute(spec.cwd)) problems.push('cwd is not absolute');
  if (!isAbsolute(spec.log.dir)) problems.push('log.dir is not absolute');
  if (spec.log.maxSegments < 2) problems.push('log.maxSegments is under 2');
  if (spec.log.segmentBytes < 4096) problems.push('log.segmentBytes is under 4096');
  if (JSON.stringify(spec.tag).length > MAX_TAG_BYTES) problems.push('tag is over 256 KiB');
  if (problems.length === 0) return;
  throw new MeshError('MESH_INPUT_INVALID', `cannot start run ${spec.id}: ${problems.join(', ')}`, {
    details: { problems },
  });
}

type Started = StartedRecord | { readonly failure: unknown };

function startShim(
  options: LaunchOptions,
  launch: PreparedLaunch,
  cookie: string,
  deps: LaunchDeps,
): Promise<Started> {
  const { spec, path, signal, tools } = options;
  const failed = (reason: string, cause?: unknown): { readonly failure: MeshError } => ({
    failure: new MeshError('MESH_SPAWN_FAILED', `cannot start run ${spec.id}: ${reason}`, {
      details: { run: spec.id },
      cause,
    }),
  });
  let fd: number;
  try {
    fd = createRunFile(options, cookie);
  } catch (error) {
    if (error instanceof MeshError) throw error;
    throw failed(`its record cannot be written: ${String(error)}`, error).failure;
  }
  const { promise, resolve } = Promise.withResolvers<Started>();
  const limit = new AbortController();
  const onAbort = (): void => resolve({ failure: signal.reason });
  const look = (): void => {
    try {
      const record = readRecord(path);
      if (record?.main !== undefined) resolve({ ...record, main: record.main });
      else if (record?.shim !== undefined && !isAlive(record.shim)) {
        // In this order: what it wrote before it went must be seen.
        const last = readRecord(path);
        if (last?.main !== undefined) resolve({ ...last, main: last.main });
        else resolve(failed(`its shim ended at once${toRemarks(path)}`));
      }
    } catch (error) {
      resolve(failed(`its record cannot be read: ${String(error)}`, error));
    }
  };
  const unwatch = deps.onChange(look);
  let release = (): unknown => undefined;
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const pump = { ...spec.log, ...prepareSegments(spec.log, { isSameRun: false }), tools };
    const owner = launch.uid === undefined ? {} : { outputOwner: launch.uid };
    const shim = { runFile: path, pump, ...owner };
    const command = {
      argv: [tools.sh, ...toShimArguments(shim, launch.chain)],
      cwd: spec.cwd,
      env: { ...launch.env, [COOKIE_VARIABLE]: cookie, MESH_SHIM: SHIM_SCRIPT },
      fd,
    };
    release = deps.starter.start(command, (reason, cause) => {
      look();
      resolve(failed(`${reason}${toRemarks(path)}`, cause));
    });
    deps.clock.sleep(START_LIMIT_MS, limit.signal).then(
      () => resolve(failed(`no program after ${START_LIMIT_MS} ms`)),
      () => {},
    );
    look();
  } catch (error) {
    resolve(failed(String(error), error));
  }
  return promise.finally(() => {
    release();
    closeSync(fd);
    limit.abort();
    unwatch();
    signal.removeEventListener('abort', onAbort);
  });
}

/** Creates the run file with its first line; the descriptor appends, also for the shim that inherits it. */
function createRunFile(options: LaunchOptions, cookie: string): number {
  const { spec, path, bootId, pidNamespace } = options;
  let fd: number;
  try {
    fd = openSync(path, 'ax', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new MeshError(
      'MESH_RUN_EXISTS',
      `run ${spec.id} is still there; end and forget it first`,
      {
        details: { run: spec.id },
      },
    );
  }
  try {
    writeFileSync(
      fd,
      encodeRunHeader({
        id: spec.id,
        cookie,
        bootId,
        pidNamespace,
        isShellOutspoken: options.tools.isShellOutspoken,
        tag: { ...spec.tag },
        log: spec.log,
      }),
    );
    return fd;
  } catch (error) {
    closeSync(fd);
    rmSync(path, { force: true });
    throw error;
  }
}

function toRemarks(path: string): string {
  const remarks = readRecord(path)?.remarks ?? [];
  return remarks.length === 0 ? '' : `: ${remarks.slice(0, 5).join(' | ').slice(0, 500)}`;
}
