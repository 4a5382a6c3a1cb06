import { FleetName, FleetRow, listOf, Plan, type PlanStep } from '@meshwork/shared';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { countOf } from '../output/format.ts';
import { renderTable } from '../output/table.ts';
import { paint, type Terminal } from '../output/terminal.ts';

const Fleets = listOf(FleetRow);

/** A fleet file as it was applied. */
const FleetDocument = z.looseObject({ fleet: FleetName });

/** `mesh plan`. */
export const planCommand: Command = {
  path: 'plan',
  block: 'Set up',
  summary: 'Shows what applying a fleet file would change, and why an agent fits a node or not',
  args: 'FILE',
  minArgs: 1,
  maxArgs: 1,
  options: {},
  examples: ['mesh plan fleet.yaml'],
  answer: Plan,
  async run({ api, cwd, positionals, print, terminal }) {
    const { readFleetFile } = await import('../fleet/read-fleet-file.ts');
    const { document, fleetDir } = await readFleetFile(positionals[0] ?? '', cwd);
    const plan = await (
      await api()
    ).send('POST', '/v1/fleets/plan', { document, fleetDir }, Plan, { timeoutMs: 60_000 });
    print(Plan, plan, (value) => renderPlan(terminal, value));
    if (plan.problems.length > 0) return 5;
    return plan.steps.some((step) => step.change === 'impossible') ? 1 : 0;
  },
};

/** `mesh apply`. */
export const applyCommand: Command = {
  path: 'apply',
  block: 'Set up',
  summary: "Makes a fleet's agents equal to its file; other fleets are untouched",
  args: 'FILE',
  minArgs: 1,
  maxArgs: 1,
  options: {},
  examples: ['mesh apply fleet.yaml', 'mesh plan fleet.yaml && mesh apply fleet.yaml'],
  answer: Plan,
  async run({ api, cwd, positionals, print, terminal }) {
    const { readFleetFile } = await import('../fleet/read-fleet-file.ts');
    const { fleet, document, fleetDir } = await readFleetFile(positionals[0] ?? '', cwd);
    const client = await api();
    const plan = await client.send('PUT', `/v1/fleets/${fleet}`, { document, fleetDir }, Plan, {
      timeoutMs: 60_000,
    });
    print(Plan, plan, (value) => renderPlan(terminal, value));
    return 0;
  },
};

/** `mesh remove`. */
export const removeCommand: Command = {
  path: 'remove',
  block: 'Set up',
  summary: 'Stops and forgets the agents of a fleet',
  args: 'FLEET',
  minArgs: 1,
  maxArgs: 1,
  options: {},
  examples: ['mesh remove home-lab'],
  answer: Plan,
  async run({ api, positionals, print, terminal }) {
    const plan = await (
      await api()
    ).send('DELETE', `/v1/fleets/${encodeURIComponent(positionals[0] ?? '')}`, undefined, Plan);
    print(Plan, plan, (value) => renderPlan(terminal, value));
    return 0;
  },
};

/** `mesh export`. */
export const exportCommand: Command = {
  path: 'export',
  block: 'Set up',
  summary:
    'Prints an applied fleet as a file whose plan is empty; without a name, lists the fleets',
  args: '[FLEET]',
  minArgs: 0,
  maxArgs: 1,
  options: {},
  examples: ['mesh export', 'mesh export home-lab > fleet.yaml'],
  answer: z.union([Fleets, FleetDocument]),
  async run({ api, positionals, print }) {
    const client = await api();
    const [name] = positionals;
    if (name === undefined) {
      print(Fleets, await client.get('/v1/fleets', Fleets), ({ items }) =>
        renderTable(items, [
          { title: 'fleet', cell: (row) => row.fleet },
          { title: 'agents', align: 'right', cell: (row) => String(row.agents) },
          { title: 'revision', align: 'right', cell: (row) => String(row.revision) },
        ]),
      );
      return 0;
    }
    const row = await client.get(`/v1/fleets/${encodeURIComponent(name)}`, FleetRow);
    const { stringify } = await import('yaml');
    print(FleetDocument, FleetDocument.parse(row.document), (document) => stringify(document));
    return 0;
  },
};

const marks = {
  add: '+',
  change: '~',
  remove: '-',
  move: '>',
  none: ' ',
  impossible: '!',
} as const;
const styles = {
  add: 'green',
  change: 'yellow',
  remove: 'red',
  move: 'cyan',
  none: 'dim',
  impossible: 'red',
} as const;

/** A plan for people: a line per change, why nothing fits where nothing does, and the sums. */
function renderPlan(terminal: Terminal, plan: Plan): string {
  const changes = plan.steps.filter((step) => step.change !== 'none');
  const verb = plan.applied ? 'applied' : 'plan';
  const warnings = plan.warnings
    .map((warning) => `${paint(terminal, 'yellow', 'warning')} ${warning}\n`)
    .join('');
  const problems = plan.problems
    .map(
      ({ path, reason }) => `${paint(terminal, 'red', 'problem')} ${path.join('.')}: ${reason}\n`,
    )
    .join('');
  if (problems !== '')
    return `${problems}${warnings}${verb} of ${plan.fleet}: nothing can be applied\n`;
  if (changes.length === 0)
    return `${warnings}${verb} of ${plan.fleet}: nothing to change (revision ${plan.revision})\n`;
  const lines = changes.map((step) => renderStep(terminal, step)).join('');
  const sums = (['add', 'change', 'move', 'remove', 'impossible'] as const)
    .map((change) => ({ change, count: changes.filter((step) => step.change === change).length }))
    .filter(({ count }) => count > 0)
    .map(({ change, count }) => `${count} ${change}`)
    .join(', ');
  return `${lines}${warnings}${verb} of ${plan.fleet}: ${sums}, ${countOf(plan.steps.length, 'agent')} (revision ${plan.revision})\n`;
}

function renderStep(terminal: Terminal, step: PlanStep): string {
  const where = step.node === undefined ? '' : ` on ${step.node}`;
  const phase =
    step.phase === undefined
      ? ''
      : ` phase ${step.phase}${step.group === undefined ? '' : `, ${step.group}`}`;
  const fields =
    step.fields === undefined || step.fields.length === 0 ? '' : `: ${step.fields.join(', ')}`;
  const head = paint(
    terminal,
    styles[step.change],
    `${marks[step.change]} ${step.instance ?? step.agent}`,
  );
  const reason = step.reason === undefined ? '' : ` (${step.reason})`;
  const candidates = (step.change === 'impossible' ? (step.candidates ?? []) : [])
    .map(
      (candidate) =>
        `    ${candidate.node}: ${candidate.fits ? 'fits' : candidate.reasons.join('; ')}\n`,
    )
    .join('');
  return `${head}${where}${phase}${fields}${reason}\n${candidates}`;
}
