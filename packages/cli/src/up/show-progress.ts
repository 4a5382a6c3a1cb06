import { HealthReport, Status, toMeshError, type Clock } from '@meshwork/shared';
import { createApiClient, type ApiClient } from '../api-client.ts';
import { countOf } from '../output/format.ts';
import type { Progress } from '../output/progress.ts';
import { isWell } from '../output/status-view.ts';

/** How long to show what becomes ready, and how often to look. */
interface ShowOptions {
  readonly withinMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How often it is looked, ms. */
const lookEveryMs = 200;

/** Shows what becomes ready until every agent that should run does, `withinMs` passed, or the signal aborts. */
export async function showProgress(
  api: ApiClient,
  progress: Progress,
  options: ShowOptions & { readonly nodes: number },
): Promise<Status> {
  const untilMs = options.clock.monotonic() + options.withinMs;
  for (;;) {
    const status = await readStatus(api, untilMs, options);
    const alive = status.nodes.filter((node) => node.state === 'alive').length;
    const well = status.agents.filter(isWell).length;
    progress.show(
      `nodes ${alive}/${Math.max(options.nodes, status.nodes.length)} alive, agents ${well}/${status.agents.length} ready`,
    );
    const isDone = alive >= options.nodes && well === status.agents.length;
    if (isDone || options.clock.monotonic() >= untilMs) {
      const missing = status.agents.length - well;
      progress.done(
        missing === 0
          ? `${countOf(alive, 'node')} alive, ${countOf(well, 'agent')} ready`
          : `${countOf(alive, 'node')} alive, ${well} of ${countOf(status.agents.length, 'agent')} ready; the others are tried on`,
      );
      return status;
    }
    await options.clock.sleep(lookEveryMs, options.signal);
  }
}

/**
 * Waits until so many nodes are alive, `withinMs` passed, or the signal aborts: a daemon that is ready may still say hello.
 *
 * What is missing then is said by whatever needs it.
 */
export async function untilAlive(
  api: ApiClient,
  progress: Progress,
  options: ShowOptions & { readonly nodes: number },
): Promise<void> {
  const untilMs = options.clock.monotonic() + options.withinMs;
  for (;;) {
    const { nodes } = await readStatus(api, untilMs, options);
    const alive = nodes.filter((node) => node.state === 'alive').length;
    if (alive >= options.nodes || options.clock.monotonic() >= untilMs) return;
    progress.show(`nodes ${alive}/${options.nodes} alive`);
    await options.clock.sleep(lookEveryMs, options.signal);
  }
}

/** The status, also of a main node that is killed while everything starts: until `untilMs` it is asked again. */
async function readStatus(api: ApiClient, untilMs: number, options: ShowOptions): Promise<Status> {
  for (;;) {
    try {
      return await api.get('/v1/status', Status, { signal: options.signal });
    } catch (error) {
      const { retryable } = toMeshError(error).row;
      if (options.signal.aborted || !retryable || options.clock.monotonic() >= untilMs) throw error;
    }
    await options.clock.sleep(lookEveryMs, options.signal);
  }
}

/**
 * Shows whether a node of another machine's mesh is attached to its main node, until it is, `withinMs` passed, or the signal
 * aborts. Gives the node's own health.
 */
export async function showAttachment(
  node: { readonly name: string; readonly baseUrl: string; readonly main: readonly string[] },
  progress: Progress,
  options: ShowOptions,
): Promise<HealthReport> {
  const api = createApiClient({ baseUrl: node.baseUrl, who: `node ${node.name}` });
  const main = node.main.join(', ');
  const untilMs = options.clock.monotonic() + options.withinMs;
  progress.show(`connecting to the main node at ${main}`);
  for (;;) {
    const health = await api.get('/health', HealthReport, { signal: options.signal });
    const isAttached = health.checks.every((check) => check.name !== 'main-node' || check.healthy);
    if (isAttached) progress.done(`node ${node.name} is attached to the main node`);
    else if (options.clock.monotonic() >= untilMs)
      progress.note(`the main node at ${main} does not answer yet; it is tried on`);
    if (isAttached || options.clock.monotonic() >= untilMs) return health;
    await options.clock.sleep(lookEveryMs, options.signal);
  }
}
