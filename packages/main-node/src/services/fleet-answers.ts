import { MeshError, type Plan } from '@meshwork/shared';
import type { MeshState } from '../core/mesh-state.ts';
import type { FleetPlan } from '../core/plan-fleet.ts';

/** A document that cannot be parsed; its problems are an answer of `plan` and an error of `apply`. */
export class InvalidFleet extends Error {
  override readonly name = 'InvalidFleet';
  readonly problems: Plan['problems'];
  constructor(problems: Plan['problems']) {
    super('the fleet document is invalid');
    this.problems = problems;
  }
}

/** Throws MESH_FLEET_INVALID or MESH_PLACEMENT_IMPOSSIBLE with everything that stands against a plan. */
export function refuseUnfit(name: string, plan: FleetPlan): void {
  if (plan.problems.length > 0) throw invalid(name, plan.problems.map(copyProblem));
  const stuck = plan.steps.filter(({ change }) => change === 'impossible');
  if (stuck.length === 0) return;
  const lines = stuck.map(({ agent, instance, reason }) => `${instance ?? agent}: ${reason}`);
  throw new MeshError(
    'MESH_PLACEMENT_IMPOSSIBLE',
    `cannot apply ${name}, nothing was changed: no place for ${stuck.length} of ${plan.steps.length} instances\n${lines.join('\n')}`,
    {
      details: {
        steps: stuck,
        candidates: Object.fromEntries(
          stuck.map(({ agent, instance, candidates }) => [instance ?? agent, candidates ?? []]),
        ),
      },
    },
  );
}

/** Every problem of a document, as one error. */
export function invalid(name: string, problems: Plan['problems']): MeshError {
  const lines = problems.map(({ path, reason }) => `${path.join('.') || '(document)'}: ${reason}`);
  return new MeshError(
    'MESH_FLEET_INVALID',
    `cannot apply ${name}, nothing was changed: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}\n${lines.join('\n')}`,
    { details: { problems } },
  );
}

/** No fleet of that name; names those that are. */
export function fleetUnknown(name: string, state: MeshState): MeshError {
  const known = [...state.fleets.keys()];
  const hint = known.length === 0 ? 'none is applied' : `there is ${known.join(', ')}`;
  return new MeshError('MESH_FLEET_UNKNOWN', `no fleet ${name} is applied; ${hint}`, {
    details: { fleet: name },
  });
}

/** A plan as the API answers it. */
export function toPlan(fleet: string, state: MeshState, plan: FleetPlan, applied: boolean): Plan {
  return {
    fleet,
    revision: state.revision,
    applied,
    steps: [...plan.steps],
    problems: plan.problems.map(copyProblem),
    warnings: [...plan.warnings],
  };
}

/** A problem as the API answers it. */
export function copyProblem(problem: {
  readonly path: readonly (string | number)[];
  readonly code: string;
  readonly reason: string;
}): Plan['problems'][number] {
  return { path: [...problem.path], code: problem.code, reason: problem.reason };
}

/** The name that a document gives itself; empty where it has none. */
export function nameIn(document: unknown): string {
  const name =
    typeof document === 'object' && document !== null && 'fleet' in document
      ? document.fleet
      : undefined;
  return typeof name === 'string' ? name : '';
}
