import {
  AgentSpec,
  MeshError,
  toMeshError,
  type AgentName,
  type InstanceId,
  type NodeName,
  type ProcessRuntime,
} from '@meshwork/shared';
import { fillIn } from '../core/launch-plan.ts';
import { isAlive } from '../core/instance-state.ts';
import type { Instance } from './instance.ts';
import type { LaunchMachine } from './launcher.ts';

/** What checking needs from outside. */
export interface NodeCheckDeps {
  readonly runtime: Pick<ProcessRuntime, 'check'>;
  readonly machine: LaunchMachine;
  readonly instances: ReadonlyMap<InstanceId, Instance>;
  readonly node: NodeName;
  readonly vars: Readonly<Record<string, string>>;
}

/** One reason why an agent could not run here now, as `node.check` answers it. */
export interface CheckProblem {
  readonly code: string;
  readonly message: string;
}

/**
 * Says what would keep an agent from running on this node: command, working directory, account, envFile, variables, and
 * fixed ports that somebody else holds. Changes and starts nothing.
 */
export async function checkAgent(
  agent: AgentName,
  input: unknown,
  deps: NodeCheckDeps,
): Promise<readonly CheckProblem[]> {
  const parsed = AgentSpec.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') ?? '';
    return [
      {
        code: 'MESH_INPUT_INVALID',
        message: `this node cannot read the agent's ${where}: ${issue?.message ?? 'invalid'}; is it of another release?`,
      },
    ];
  }
  const spec = parsed.data;
  const unknown = new Set<string>();
  const context = { node: deps.node, vars: deps.vars, ports: portNumbers(spec) };
  const fill = (text: string): string => fillIn(text, context, unknown);
  const argv = spec.command.map(fill);
  const env = Object.fromEntries(
    Object.entries(spec.env).map(([name, value]) => [name, fill(value)]),
  );
  const problems: MeshError[] = [];
  const account = await deps.machine.account(spec.user).catch((error: unknown) => {
    problems.push(toMeshError(error));
    return undefined;
  });
  const cwd = spec.cwd === undefined ? (account?.home ?? '/') : fill(spec.cwd);
  const envFile = spec.envFile === undefined ? undefined : fill(spec.envFile);
  for (const name of unknown) problems.push(unknownVariable(name));
  if (unknown.size === 0 && account !== undefined) {
    const { user } = spec;
    const base = deps.machine.inherited;
    const asUser = user === undefined || account.uid === undefined ? {} : { user };
    problems.push(
      ...(await deps.runtime.check({ argv, cwd, env: { ...base, ...env }, ...asUser })),
    );
    if (envFile !== undefined) {
      await deps.machine.readEnvFile(envFile, account).catch((error: unknown) => {
        problems.push(toMeshError(error));
      });
    }
  }
  problems.push(...(await findTakenPorts(agent, spec, deps)));
  return problems.map(({ code, message }) => ({ code, message }));
}

/** `auto` ports have no number yet; any will do to fill a text in. */
function portNumbers(spec: AgentSpec): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(spec.ports).map(([name, claim]) => [name, claim === 'auto' ? 1 : claim]),
  );
}

async function findTakenPorts(
  agent: AgentName,
  spec: AgentSpec,
  deps: NodeCheckDeps,
): Promise<MeshError[]> {
  const problems: MeshError[] = [];
  const ours = new Set<number>();
  for (const instance of deps.instances.values()) {
    // Its own run holds its port and gives it back before the next one starts.
    if (instance.assigned.agent !== agent || !isAlive(instance.state)) continue;
    for (const port of Object.values(instance.ports)) ours.add(port);
  }
  for (const [name, port] of Object.entries(spec.ports)) {
    if (port === 'auto' || ours.has(port)) continue;
    const holder = await deps.machine.portHolder(port);
    if (holder === undefined) continue;
    const message = `port ${port} (${name}) is held by ${holder}; free it, or give ${agent} another one`;
    problems.push(new MeshError('MESH_PORT_TAKEN', message));
  }
  return problems;
}

function unknownVariable(name: string): MeshError {
  return new MeshError(
    'MESH_INPUT_INVALID',
    `this node does not know \${${name}}; set it under vars in its config`,
  );
}
