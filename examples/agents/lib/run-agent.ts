/** What the agents that use the SDK share: work that repeats, a count of it, readiness after the first that worked. */
import { MeshError, type Agent } from '@meshwork/agent-sdk';
import { z } from 'zod';

/** The work of an agent. */
export interface AgentWork {
  /** What `stats` counts. */
  readonly unit: string;
  readonly everyMs: number;
  /** Does one turn and says how many pieces it did; what it throws is counted and tried again. */
  readonly work: () => Promise<number>;
  /** What `stats` adds. */
  readonly details?: () => Readonly<Record<string, unknown>>;
}

const firstTriesEveryMs = 200;

/**
 * Declares `stats`, says ready after the first turn that worked, and works until the link ends for good.
 *
 * SIGTERM and SIGINT are the SDK's: it closes the link and ends the process with 0.
 */
export async function runAgent(
  agent: Agent,
  { unit, everyMs, work, details }: AgentWork,
): Promise<void> {
  const counts = { work: 0, failed: 0 };
  const startedAtMs = performance.now();
  let isReady = false;

  async function turn(): Promise<void> {
    try {
      counts.work += await work();
      if (!isReady) agent.ready();
      isReady = true;
    } catch (error) {
      counts.failed += 1;
      const reason = error instanceof Error ? error.message : String(error);
      if (!isReady) agent.notReady(reason);
      console.log(`this turn failed: ${reason}`);
    }
  }

  agent.action('stats', { input: z.object({}) }, () => ({
    agent: agent.instance,
    node: agent.node,
    unit,
    ...counts,
    uptimeSeconds: Math.round((performance.now() - startedAtMs) / 1000),
    ...details?.(),
  }));
  while (!agent.closed.aborted) {
    await turn();
    await pause(isReady ? everyMs : firstTriesEveryMs, agent.closed);
  }
  console.log(`stops after ${counts.work} ${unit}`);
  const { reason } = agent.closed;
  if (reason instanceof MeshError && reason.code !== 'MESH_STOPPING') throw reason;
}

/** Calls an action through the mesh and checks that the answer has the fields it needs. */
export async function ask<Answer extends z.ZodType>(
  agent: Agent,
  target: string,
  action: string,
  {
    args = {},
    answer,
  }: { readonly args?: Readonly<Record<string, unknown>>; readonly answer: Answer },
): Promise<z.infer<Answer>> {
  return answer.parse(await agent.call(target, action, args));
}

/** What every report of this fleet looks like. */
export const Report = z.object({ title: z.string(), lines: z.array(z.string()) });

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((done) => {
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish);
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      done();
    }
  });
}
