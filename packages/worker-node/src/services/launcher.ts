import {
  MeshError,
  toMeshError,
  type Clock,
  type InstanceId,
  type NodeName,
  type ProcessRuntime,
  type Random,
  type Run,
} from '@meshwork/shared';
import { encodeLaunchTag } from '../core/launch-tag.ts';
import { fillIn, planLaunch } from '../core/launch-plan.ts';
import { planPorts, type PlannedPort } from '../core/port-plan.ts';
import type { Instance } from './instance.ts';
import type { AgentLinkHost } from './ports.ts';

/** The account that runs an agent, as far as its environment needs it. */
export interface AgentAccount {
  readonly name: string;
  readonly home: string;
  /** Absent when the agent runs as the daemon does. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** What launching needs of the machine. */
export interface LaunchMachine {
  /** The account that a spec names, or the daemon's own; MESH_USER_UNKNOWN. */
  account(user: string | undefined): Promise<AgentAccount>;
  /** PATH, LANG, TZ of the daemon: the only variables of its that agents see. */
  readonly inherited: Readonly<Record<string, string>>;
  /** Reads an envFile; MESH_ENV_FILE_MISSING, with the cause, also when others may read it. */
  readEnvFile(path: string, account: AgentAccount): Promise<Readonly<Record<string, string>>>;
  /** Who listens on a port, in words; undefined when it is free. */
  portHolder(port: number): Promise<string | undefined>;
}

/** What the launcher needs from outside. */
export interface LauncherDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly runtime: ProcessRuntime;
  readonly links: Pick<AgentLinkHost, 'open'>;
  readonly machine: LaunchMachine;
  readonly instances: ReadonlyMap<InstanceId, Instance>;
  /** `host:port` by port name of everything that the instance depends on, by agent. */
  addresses(instance: Instance): ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly node: NodeName;
  readonly vars: Readonly<Record<string, string>>;
  readonly portRange: readonly [number, number];
  readonly logs: {
    dir(instance: InstanceId): string;
    readonly segmentBytes: number;
    readonly maxSegments: number;
  };
}

/** How a launch ended. `blocked`: nothing is wrong with it, but somebody holds a port of its. */
export type LaunchOutcome =
  | {
      readonly type: 'launched';
      readonly run: Run;
      readonly ports: Readonly<Record<string, number>>;
    }
  | { readonly type: 'blocked'; readonly reason: string }
  | { readonly type: 'failed'; readonly error: MeshError };

/** Free `auto` ports that are tried before giving up. */
const MAX_PORT_TRIES = 50;

/** Starts one run of an instance, with ports, link and environment. Never rejects. */
export async function launchInstance(
  instance: Instance,
  launch: number,
  deps: LauncherDeps,
): Promise<LaunchOutcome> {
  try {
    const ports = await choosePorts(instance, deps);
    if (typeof ports === 'string') return { type: 'blocked', reason: ports };
    const byName = toRecord(ports);
    const { assigned, wantedAs } = instance;
    const { account, plan } = await prepare(instance, byName, deps);
    const { user } = assigned.spec;
    const run = await deps.runtime.launch({
      id: instance.id,
      ...plan,
      ...(user === undefined || account.uid === undefined ? {} : { user }),
      tag: encodeLaunchTag({ launch, ranAs: wantedAs, ports: byName, assigned }),
      log: {
        dir: deps.logs.dir(instance.id),
        segmentBytes: deps.logs.segmentBytes,
        maxSegments: deps.logs.maxSegments,
      },
    });
    return { type: 'launched', run, ports: byName };
  } catch (error) {
    return { type: 'failed', error: toMeshError(error) };
  }
}

async function prepare(
  instance: Instance,
  ports: Readonly<Record<string, number>>,
  deps: LauncherDeps,
): Promise<{
  readonly account: AgentAccount;
  readonly plan: { argv: readonly string[]; cwd: string; env: Readonly<Record<string, string>> };
}> {
  const { machine, node, vars } = deps;
  const { assigned } = instance;
  const { spec, agent, epoch } = assigned;
  const account = await machine.account(spec.user);
  const unknown = new Set<string>();
  const secrets =
    spec.envFile === undefined
      ? {}
      : await machine.readEnvFile(fillIn(spec.envFile, { node, vars, ports }, unknown), account);
  const { uid, gid } = account;
  const link = await deps.links.open({ instance: instance.id, agent, epoch, uid, gid });
  const { unknown: alsoUnknown, ...plan } = planLaunch(assigned, {
    node,
    vars,
    ports,
    link,
    base: { ...machine.inherited, HOME: account.home, USER: account.name, LOGNAME: account.name },
    secrets,
    addresses: deps.addresses(instance),
  });
  const names = [...new Set([...unknown, ...alsoUnknown])];
  if (names.length > 0) {
    throw new MeshError(
      'MESH_INPUT_INVALID',
      `cannot start ${instance.id}: this node does not know ${names.map((name) => `\${${name}}`).join(', ')}; set it under vars in the node's config`,
      { details: { unknown: names } },
    );
  }
  return { account, plan };
}

/** The ports of a run, or why it has to wait. */
async function choosePorts(
  instance: Instance,
  deps: LauncherDeps,
): Promise<readonly PlannedPort[] | string> {
  const declared = instance.assigned.spec.ports;
  if (Object.keys(declared).length === 0) return [];
  const held = new Set<number>();
  for (let attempt = 0; attempt < MAX_PORT_TRIES; attempt += 1) {
    const view = {
      kept: instance.autoPorts,
      claimed: claimedByOthers(instance, deps.instances),
      held,
      range: deps.portRange,
    };
    const ports = planPorts(declared, view, deps.random.next());
    if (ports === undefined) break;
    // Before the first wait, so that nobody else picks the same one meanwhile.
    instance.autoPorts = toRecord(ports.filter((port) => port.isAuto));
    let isFree = true;
    for (const { name, port, isAuto } of ports) {
      const holder = await deps.machine.portHolder(port);
      if (holder === undefined) continue;
      if (!isAuto) return `port ${port} (${name}) is held by ${holder}; it is tried again`;
      held.add(port);
      isFree = false;
    }
    if (isFree) return ports;
  }
  const [first, last] = deps.portRange;
  return `no free port was found for it between ${first} and ${last}; it is tried again`;
}

function claimedByOthers(
  instance: Instance,
  instances: ReadonlyMap<InstanceId, Instance>,
): ReadonlySet<number> {
  const claimed = new Set<number>();
  for (const other of instances.values()) {
    if (other === instance) continue;
    const numbers = [
      ...Object.values(other.assigned.spec.ports),
      ...Object.values(other.autoPorts),
      ...Object.values(other.ports),
    ];
    for (const port of numbers) if (port !== 'auto') claimed.add(port);
  }
  return claimed;
}

function toRecord(ports: readonly PlannedPort[]): Readonly<Record<string, number>> {
  return Object.fromEntries(ports.map(({ name, port }) => [name, port]));
}
