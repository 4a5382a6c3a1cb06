/*
 * What supervision needs from the parts that talk to agents and to the main node's detector. Supervision owns which
 * instances exist and which state they are in; the parts behind these seams own sockets and timers, and decide nothing.
 */
import type {
  AgentName,
  CallArgs,
  Calls,
  Component,
  Epoch,
  Evidence,
  Health,
  Incarnation,
  InstanceId,
} from '@meshwork/shared';
import type { z } from 'zod';

/** How one probe ended. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly durationMs: number;
  /** What was answered or why nothing was, in words for people; at most 200 characters. */
  readonly detail?: string;
}

/** One instance as a probe or a call reaches it: over a declared port of this machine, or over the agent link. */
export interface InstanceTarget {
  readonly instance: InstanceId;
  /** Bound ports by name. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Asks instances whether they serve. */
export interface Prober {
  /**
   * Probes an instance from now on; replaces an earlier watch of the same instance.
   *
   * Until the first `ok` the probes follow each other quickly (50 ms, growing to at most 1 s or `health.interval`), then
   * every `health.interval`. Each ends by `health.timeout`. `onResult` is called after each, never after `unwatch`.
   */
  watch(target: InstanceTarget, health: Health, onResult: (result: ProbeResult) => void): void;
  /** Ends the watch; idempotent. */
  unwatch(instance: InstanceId): void;
  /** Probes once, now; resolves by `timeoutMs`, never rejects. */
  probe(
    target: InstanceTarget,
    health: Health,
    options: { readonly timeoutMs: number },
  ): Promise<ProbeResult>;
}

/** An action that an instance is asked to do. */
export interface CallAsk {
  readonly action: string;
  readonly args: z.infer<typeof CallArgs>;
  /** Who asks: an instance or a person. */
  readonly caller?: string;
}

/** Calls instances, over the link where the SDK is connected, else as `calls` of their spec says. */
export interface Caller {
  /**
   * Rejects with a MeshError: MESH_AGENT_NOT_CALLABLE, MESH_ACTION_UNKNOWN, MESH_AGENT_FAILED, MESH_BUSY (over the bound
   * of calls under way), MESH_EXPIRED (not sent), MESH_OUTCOME_UNKNOWN (sent, no answer by `timeoutMs`).
   */
  call(
    target: InstanceTarget & { readonly calls?: Calls | undefined },
    ask: CallAsk,
    options: { readonly timeoutMs: number; readonly id: string; readonly trace?: string },
  ): Promise<{ readonly result: unknown; readonly durationMs: number }>;
  /** Calls of this instance under way. */
  inFlight(instance: InstanceId): number;
}

/** What an agent needs to find its link, as its environment says it. */
export interface LinkEndpoint {
  /** Value of MESH_LINK. */
  readonly endpoint: string;
  /** Value of MESH_TOKEN; minted per epoch, kept over restarts of the daemon. */
  readonly token: string;
}

/** The node's end of all agent links: a socket in a directory of the instance's own, and a token. */
export interface AgentLinkHost extends Component {
  /**
   * Opens the link of an instance before it is launched, or again after the daemon's restart.
   *
   * Idempotent by instance and epoch: the same endpoint and token come back. A new epoch mints a new token and ends the
   * connections of the old one. `uid`, `gid`: the agent's user, who owns the directory.
   */
  open(link: {
    readonly instance: InstanceId;
    readonly agent: AgentName;
    readonly epoch: Epoch;
    readonly uid?: number | undefined;
    readonly gid?: number | undefined;
  }): Promise<LinkEndpoint>;
  /** Ends the link and removes its directory; idempotent. For instances that are gone for good. */
  close(instance: InstanceId): Promise<void>;
  /** Whether an agent with SDK is connected now. */
  hasSdk(instance: InstanceId): boolean;
  /** Tells an agent that is about to be stopped to finish what it works on; returns at once. */
  drain(instance: InstanceId): void;
  /** What the agent last said of its progress, and when (ms since boot); undefined when it said nothing. */
  progress(
    instance: InstanceId,
  ): (Pick<Evidence, 'ok' | 'detail'> & { readonly atMs: number }) | undefined;
}

/** What heartbeats carry that only the daemon's loop knows. */
export interface HeartbeatContent {
  readonly incarnation: Incarnation;
  /** Digest of the node's last report. */
  readonly instancesDigest: string;
}

/**
 * Sends heartbeats from a thread and a connection of its own.
 *
 * It measures itself how long the daemon's loop has not turned, and ends the process (SIGKILL of its own pid) when that is
 * over 60 s.
 */
export interface HeartbeatThread extends Component {
  /** Replaces the content of the heartbeats to come. A new incarnation says hello again. */
  update(content: HeartbeatContent): void;
}
