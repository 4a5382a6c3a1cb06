import { MeshError } from '@meshwork/shared';
import type { Agent } from './agent.ts';
import { createAgent } from './create-agent.ts';
import { createHostProcess, type HostProcess } from './host-process.ts';
import { readLinkAddress } from './link-address.ts';

/** How an agent connects. Everything has a default. */
export interface ConnectOptions {
  /** Where MESH_LINK and MESH_TOKEN are read. Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long the worker node may take to answer. Default 30,000. */
  readonly connectTimeoutMs?: number;
  /**
   * Whether SIGTERM and SIGINT close the agent and then end the process with 0; a second one ends it at once. Default true.
   * With false they are yours: call `close` before you exit.
   */
  readonly handleSignals?: boolean;
  /** Runs after the agent was closed by a signal and before the process ends: close files, flush. */
  readonly onStop?: () => void | Promise<void>;
  /** Stands for this process in tests. */
  readonly process?: HostProcess;
}

/**
 * Connects this program to the worker node that started it.
 *
 * Resolves when the node has welcomed it; from then on the connection comes back by itself, e.g. after a restart of the node.
 * Rejects with MESH_LINK_ABSENT when there is no mesh or no answer, MESH_LINK_REFUSED when the token is not that of the
 * instance's present epoch.
 */
export async function connectAgent(options: ConnectOptions = {}): Promise<Agent> {
  const { connectTimeoutMs = 30_000, handleSignals = true } = options;
  const host = options.process ?? createHostProcess();
  const address = readLinkAddress(options.env ?? host.env);
  const { agent, welcomed } = createAgent(address, { pid: host.pid });
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    const fail = (): void => reject(unanswered(address.endpoint, connectTimeoutMs));
    timer = setTimeout(fail, connectTimeoutMs);
  });
  try {
    await Promise.race([welcomed, tooLate]);
  } catch (error) {
    await agent.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  if (handleSignals) endWithSignals(agent, host, options.onStop);
  return agent;
}

/** First signal: close, then exit 0. Listening ends with the link, so that a later one ends the process as usual. */
function endWithSignals(agent: Agent, host: HostProcess, onStop: ConnectOptions['onStop']): void {
  let isEnding = false;
  const stopListening = host.onEndSignal(() => {
    if (isEnding) return host.exit(1);
    isEnding = true;
    void end();
  });
  agent.closed.addEventListener('abort', stopListening, { once: true });

  async function end(): Promise<void> {
    try {
      await agent.close();
      await onStop?.();
      host.exit(0);
    } catch {
      host.exit(1);
    }
  }
}

function unanswered(endpoint: string, timeoutMs: number): MeshError {
  return new MeshError(
    'MESH_LINK_ABSENT',
    `cannot connect to the mesh: no worker node answered at ${endpoint} within ${timeoutMs} ms`,
  );
}
