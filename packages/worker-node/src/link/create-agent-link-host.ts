import type { StateFile } from '@meshwork/platform';
import {
  MeshError,
  toMeshError,
  type Clock,
  type Evidence,
  type InstanceId,
  type Logger,
  type Metrics,
  type NodeName,
  type Random,
} from '@meshwork/shared';
import { z } from 'zod';
import type { LinkCalls } from '../calls/create-caller.ts';
import type { ProbeAnswer } from '../probes/ask.ts';
import type { LinkPing } from '../probes/link-probe.ts';
import type { AgentLinkHost } from '../services/ports.ts';
import type { RouteAgentCall } from './agent-calls.ts';
import { createInstanceLink, type InstanceLink } from './instance-link.ts';
import {
  fillLinkDirectory,
  prepareLinkBase,
  removeLinkDirectory,
  toLinkDirectory,
  toSocketPath,
} from './link-directory.ts';
import { toLinkToken } from './link-token.ts';
import { createLinkMetrics } from './metrics.ts';

/** What the host keeps on disk: the secret of all tokens, and the folder of the links. */
export const LinkHostState = z.object({ secret: z.string().min(32), base: z.string() });
export type LinkHostState = z.infer<typeof LinkHostState>;

/** What the host of the agent links needs. */
export interface AgentLinkHostDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Carries an agent's call of another agent. */
  readonly route: RouteAgentCall;
  /** An agent has just said that it is ready. */
  onReady(instance: InstanceId): void;
}

/** Where the host keeps what. */
export interface AgentLinkHostOptions {
  readonly node: NodeName;
  /** Tells the links of this daemon from those of others in the same folder: the path of its data folder. */
  readonly scope: string;
  readonly state: StateFile<LinkHostState>;
  /** Folder of the links of a node that has none yet; see `pickLinkBase`. */
  readonly base: string;
}

/** The links of all instances, for supervision, probes and calls. */
export interface OwnedAgentLinkHost extends AgentLinkHost, LinkCalls, LinkPing {
  /** Tells an agent that is about to be stopped to finish what it works on. */
  drain(instance: InstanceId): void;
  /** What the agent last said of its progress, and when (ms since boot); undefined when it said nothing in this epoch. */
  progress(
    instance: InstanceId,
  ): (Pick<Evidence, 'ok' | 'detail'> & { readonly atMs: number }) | undefined;
}

type Progress = ReturnType<OwnedAgentLinkHost['progress']>;

const builtIn: ReadonlySet<string> = new Set(['ping', 'health', 'health_check']);

/** Makes the node's end of all agent links. `open` works from `start` to `stop`; directories outlive the daemon. */
export function createAgentLinkHost(
  deps: AgentLinkHostDeps,
  options: AgentLinkHostOptions,
): OwnedAgentLinkHost {
  const { clock, random, logger } = deps;
  const metrics = createLinkMetrics(deps.metrics);
  const links = new Map<InstanceId, InstanceLink>();
  const progress = new Map<InstanceId, Progress>();
  const changes = new Map<InstanceId, Promise<unknown>>();
  let kept: LinkHostState | undefined;

  function state(): LinkHostState {
    if (kept === undefined) throw new MeshError('MESH_STOPPING', 'agent links are not open');
    return kept;
  }

  /** Opening and closing one link go one after the other. */
  function inTurn<T>(instance: InstanceId, change: () => Promise<T>): Promise<T> {
    const turn = (changes.get(instance) ?? Promise.resolve()).then(change, change);
    const settled = turn
      .catch(() => {})
      .then(() => {
        if (changes.get(instance) === settled) changes.delete(instance);
      });
    changes.set(instance, settled);
    return turn;
  }

  function directoryOf(instance: InstanceId): string {
    return toLinkDirectory({ base: state().base, dataDir: options.scope, instance });
  }

  async function openLink(spec: Parameters<AgentLinkHost['open']>[0]): Promise<InstanceLink> {
    const { instance, epoch } = spec;
    const { secret } = state();
    const present = links.get(instance);
    if (present?.identity.epoch === epoch) return present;
    await closeLink(instance);
    const link = createInstanceLink(
      {
        clock,
        logger,
        metrics,
        route: deps.route,
        onReady: () => deps.onReady(instance),
        onProgress: (detail) => {
          progress.set(instance, {
            ok: true,
            atMs: clock.boot(),
            ...(detail === undefined ? {} : { detail }),
          });
        },
      },
      { node: options.node, instance, epoch, token: toLinkToken(secret, instance, epoch) },
    );
    try {
      await fillLinkDirectory(directoryOf(instance), spec, (path) => link.open(path));
    } catch (error) {
      await link.close();
      throw error;
    }
    links.set(instance, link);
    return link;
  }

  async function closeLink(instance: InstanceId): Promise<void> {
    const link = links.get(instance);
    links.delete(instance);
    progress.delete(instance);
    await link?.close();
  }

  function agentOf(instance: InstanceId) {
    const link = links.get(instance)?.state;
    return link?.status === 'connected' ? link.agent : undefined;
  }

  const host: OwnedAgentLinkHost = {
    name: 'agent-links',
    async start() {
      const before = await options.state.read();
      kept = await withUsableBase(
        before ?? { secret: mintSecret(random), base: options.base },
        options.base,
      );
      if (before?.base !== kept.base) await options.state.write(kept);
      if (before !== undefined && before.base !== kept.base)
        logger.warn(
          { before: before.base, now: kept.base },
          'the folder of agent links is gone; agents that run cannot connect again',
        );
    },
    async stop() {
      kept = undefined;
      await Promise.all(changes.values());
      await Promise.all([...links.keys()].map(closeLink));
    },
    open(spec) {
      return inTurn(spec.instance, async () => {
        const link = await openLink(spec);
        const socketPath = toSocketPath(directoryOf(spec.instance));
        return { endpoint: `ipc://${socketPath}`, token: link.identity.token };
      });
    },
    close(instance) {
      return inTurn(instance, async () => {
        await closeLink(instance);
        await removeLinkDirectory(directoryOf(instance));
      });
    },
    hasSdk: (instance) => agentOf(instance) !== undefined,
    knows(instance, action) {
      const agent = agentOf(instance);
      return agent !== undefined && (builtIn.has(action) || agent.actions.has(action));
    },
    async call(instance, ask, callOptions) {
      const link = links.get(instance);
      if (link === undefined)
        throw new MeshError(
          'MESH_AGENT_NOT_READY',
          `call ${instance} ${ask.action}: it has no agent link`,
        );
      return link.call(ask, callOptions);
    },
    async ping(instance, { timeoutMs, signal }) {
      const agent = agentOf(instance);
      if (agent === undefined) return { ok: false, detail: 'no SDK is connected' };
      if (!agent.isReady)
        return { ok: false, detail: agent.notReadyReason ?? 'connected, and not ready yet' };
      const id = Buffer.from(random.bytes(8)).toString('hex');
      const answered = host.call(instance, { action: 'ping', args: {} }, { timeoutMs, id }).then(
        (): ProbeAnswer => ({ ok: true }),
        (error: unknown): ProbeAnswer => ({ ok: false, detail: toMeshError(error).message }),
      );
      return unlessCanceled(answered, signal);
    },
    drain: (instance) => links.get(instance)?.drain(),
    progress: (instance) => progress.get(instance),
  };
  return host;
}

/** The kept folder where it can be had, else the one a new node would take. */
async function withUsableBase(state: LinkHostState, fallback: string): Promise<LinkHostState> {
  try {
    await prepareLinkBase(state.base);
    return state;
  } catch (error) {
    if (state.base === fallback) throw error;
    await prepareLinkBase(fallback);
    return { ...state, base: fallback };
  }
}

function unlessCanceled(answered: Promise<ProbeAnswer>, signal: AbortSignal): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const cancel = (): void => resolve({ ok: false, detail: 'canceled' });
    signal.addEventListener('abort', cancel, { once: true });
    void answered.then((answer) => {
      signal.removeEventListener('abort', cancel);
      resolve(answer);
    });
  });
}

function mintSecret(random: Random): string {
  return Buffer.from(random.bytes(32)).toString('base64url');
}
