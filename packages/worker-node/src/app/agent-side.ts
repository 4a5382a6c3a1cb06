import { rm } from 'node:fs/promises';
import {
  createProcessRuntime,
  describePortHolder,
  findAccount,
  findPortHolder,
  readLog,
  type LoadedConfig,
  type MetricsRegistry,
} from '@meshwork/platform';
import type {
  Clock,
  Component,
  Logger,
  NodeName,
  NodeReport,
  ProcessRuntime,
  Random,
  SendOutcome,
  WorkerNodeConfig,
} from '@meshwork/shared';
import { createCaller } from '../calls/create-caller.ts';
import type { RouteAgentCall } from '../link/agent-calls.ts';
import { createAgentLinkHost } from '../link/create-agent-link-host.ts';
import { pickLinkBase } from '../link/link-directory.ts';
import { createLaunchMachine } from '../machine/launch-machine.ts';
import { createProber } from '../probes/create-prober.ts';
import { openAsk } from '../probes/open-ask.ts';
import type { LaunchMachine } from '../services/launcher.ts';
import type { Caller, Prober } from '../services/ports.ts';
import { createSupervision, type Supervision } from '../services/supervision.ts';
import type { NodeFiles } from './open-files.ts';

/** What a node's agents are looked after with. */
export interface AgentSideOptions {
  /** Data folder; the caller holds its lock. */
  readonly dir: string;
  readonly node: NodeName;
  readonly config: LoadedConfig<WorkerNodeConfig>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  /** Identity of this boot of the machine. */
  readonly bootId: string;
  /** The account that the daemon runs as. */
  readonly self: { readonly name: string; readonly home: string; readonly uid: number };
  /** PATH, LANG and the like: the only variables of the daemon's that agents see. */
  readonly inherited: Readonly<Record<string, string>>;
  /** Where the sockets of agent links may lie. */
  readonly runtimeDir: string | undefined;
  readonly temporaryDir: string;
}

/** Everything of a node that touches agents, none of what touches the main node. */
export interface AgentSide {
  readonly runtime: ProcessRuntime;
  readonly machine: LaunchMachine;
  readonly prober: Prober;
  readonly caller: Caller;
  readonly supervision: Supervision;
  /** In the order of starting. */
  readonly components: readonly Component[];
}

/** Puts runtime, links, probes, calls and supervision together. */
export function createAgentSide(
  options: AgentSideOptions & {
    readonly files: NodeFiles;
    /** Carries a call of one agent to another. */
    readonly route: RouteAgentCall;
    sendReport(report: NodeReport): SendOutcome;
    onDigest(digest: string): void;
  },
): AgentSide {
  const { clock, random, logger, metrics, node, files, bootId } = options;
  const { agents, logs, vars } = options.config.value;
  const runtime = createProcessRuntime({ dir: files.runs }, { clock, random, logger, bootId });
  const links = createAgentLinkHost(
    {
      clock,
      random,
      logger,
      metrics,
      route: options.route,
      onReady: (instance) => prober.hurry(instance),
    },
    {
      node,
      scope: options.dir,
      state: files.links,
      base: pickLinkBase({ ...options, uid: options.self.uid }),
    },
  );
  const caller = createCaller({ clock, link: links });
  const prober = createProber({
    clock,
    random,
    logger,
    openAsk: (target, health) => openAsk(links, target, health),
  });
  const machine = createLaunchMachine({
    self: options.self,
    inherited: options.inherited,
    findAccount,
    describeHolder: async (port) => describePortHolder(await findPortHolder(port)),
  });
  const supervision = createSupervision({
    clock,
    random,
    logger,
    metrics,
    runtime,
    prober,
    caller,
    links,
    machine,
    bootId,
    node,
    vars,
    records: files.records,
    store: files.desired,
    startConcurrency: agents.startConcurrency,
    portRange: agents.portRange,
    logs: {
      dir: files.logs,
      segmentBytes: logs.segment,
      maxSegments: logs.segments,
      async readLast(instance, tailLines) {
        const { lines } = await readLog(files.logs(instance), { tailLines, isFinal: true });
        return lines.map(({ text }) => text);
      },
      remove: (instance) => rm(files.logs(instance), { recursive: true, force: true }),
    },
    incarnation: () => files.state.incarnation,
    sendReport: options.sendReport,
    onDigest: options.onDigest,
  });
  const components = [runtime, links, caller, prober, ...supervision.components];
  return { runtime, machine, prober, caller, supervision, components };
}
