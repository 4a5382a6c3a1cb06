import { interpolate, type AssignedInstance, type NodeName } from '@meshwork/shared';

/** What a launch is made from besides the spec. */
export interface LaunchContext {
  readonly node: NodeName;
  /** `${node.var.NAME}` of this node's config. */
  readonly vars: Readonly<Record<string, string>>;
  /** Bound ports by name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly link: { readonly endpoint: string; readonly token: string };
  /** PATH, HOME, LANG, TZ, USER, ... of the agent's user. */
  readonly base: Readonly<Record<string, string>>;
  /** Content of `envFile`. */
  readonly secrets: Readonly<Record<string, string>>;
  /** `host:port` by port name, of what the agent depends on, by agent. */
  readonly addresses: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** A program, complete. */
export interface LaunchPlan {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** `${...}` that this node does not know; the launch is refused. */
  readonly unknown: readonly string[];
}

/**
 * Makes command, working directory and environment of one run.
 *
 * Later ones win: base, PYTHONUNBUFFERED, envFile, `env` of the spec, `MESH_*`. Without `cwd` it is the user's home.
 */
export function planLaunch(assigned: AssignedInstance, context: LaunchContext): LaunchPlan {
  const { spec } = assigned;
  const unknown = new Set<string>();
  const fill = (text: string): string => fillIn(text, context, unknown);
  const env = {
    ...context.base,
    PYTHONUNBUFFERED: '1',
    ...context.secrets,
    ...Object.fromEntries(Object.entries(spec.env).map(([name, value]) => [name, fill(value)])),
    ...meshEnv(assigned, context),
  };
  const argv = spec.command.map(fill);
  const cwd = spec.cwd === undefined ? (context.base['HOME'] ?? '/') : fill(spec.cwd);
  return { argv, cwd, env, unknown: [...unknown] };
}

/** A path or word of a spec, as it is on this node. */
export function fillIn(
  text: string,
  context: Pick<LaunchContext, 'node' | 'vars' | 'ports'>,
  unknown: Set<string>,
): string {
  const filled = interpolate(text, (name) => {
    if (name === 'node.name') return context.node;
    if (name.startsWith('port.')) return context.ports[name.slice('port.'.length)]?.toString();
    if (name.startsWith('node.var.')) return context.vars[name.slice('node.var.'.length)];
    return undefined;
  });
  for (const name of filled.unknown) unknown.add(name);
  return filled.text;
}

/** `search-api` as part of a variable's name: `SEARCH_API`. */
function toEnvName(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
}

function meshEnv(assigned: AssignedInstance, context: LaunchContext): Record<string, string> {
  const env: Record<string, string> = {
    MESH_AGENT: assigned.agent,
    MESH_INSTANCE: assigned.instance,
    MESH_NODE: context.node,
    MESH_EPOCH: assigned.epoch,
    MESH_LINK: context.link.endpoint,
    MESH_TOKEN: context.link.token,
  };
  for (const [name, port] of Object.entries(context.ports)) {
    env[`MESH_PORT_${toEnvName(name)}`] = String(port);
  }
  for (const [agent, addresses] of context.addresses) {
    for (const [port, address] of Object.entries(addresses)) {
      env[`MESH_ADDR_${toEnvName(agent)}_${toEnvName(port)}`] = address;
    }
  }
  return env;
}
