import { z } from 'zod';
import { AgentName, FleetName } from '../ids.ts';
import { AgentSpec, unsupportedFields } from './agent-spec.ts';
import { referencesIn } from './interpolate.ts';

/** A fleet as it was accepted: every agent complete, with its defaults. */
export interface Fleet {
  readonly name: FleetName;
  readonly agents: ReadonlyMap<AgentName, AgentSpec>;
}

/** One thing wrong with a document: where, and what. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly code: 'invalid' | 'not-supported';
  readonly reason: string;
}

/** The parsed fleet, or every problem of the document at once. */
export type FleetParse =
  | { readonly ok: true; readonly fleet: Fleet; readonly document: unknown }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const Document = z.strictObject({
  fleet: FleetName,
  defaults: z.record(z.string(), z.unknown()).optional(),
  agents: z.record(z.string(), z.record(z.string(), z.unknown())),
});

/**
 * Reads a fleet document (decoded YAML or JSON).
 *
 * `defaults` stand under every agent: plain objects are merged key by key, everything else is replaced,
 * and `null` takes a default away.
 * `fleetDir` replaces `${fleet.dir}`. The returned `document` has it replaced and is what is stored and exported.
 */
export function parseFleet(input: unknown, options: { readonly fleetDir: string }): FleetParse {
  const document = replaceFleetDir(input, options.fleetDir);
  const outer = Document.safeParse(document);
  if (!outer.success)
    return { ok: false, problems: outer.error.issues.map((issue) => toProblem(issue, [])) };
  const { fleet: name, defaults = {}, agents } = outer.data;
  const problems: Problem[] = [];
  const parsed = new Map<AgentName, AgentSpec>();
  for (const [key, own] of Object.entries(agents)) {
    const path = ['agents', key];
    const agentName = AgentName.safeParse(key);
    if (!agentName.success)
      problems.push(...agentName.error.issues.map((issue) => toProblem(issue, path)));
    const merged = merge(defaults, own);
    problems.push(...unsupportedIn(merged, path));
    const spec = AgentSpec.safeParse(withoutUnsupported(merged));
    if (!spec.success) problems.push(...spec.error.issues.map((issue) => toProblem(issue, path)));
    else problems.push(...checkReferences(spec.data, path));
    if (agentName.success && spec.success) parsed.set(agentName.data, spec.data);
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, fleet: { name, agents: parsed }, document };
}

function checkReferences(spec: AgentSpec, path: readonly (string | number)[]): Problem[] {
  const problems: Problem[] = [];
  const invalid = (where: readonly (string | number)[], reason: string): void => {
    problems.push({ path: [...path, ...where], code: 'invalid', reason });
  };
  const known = Object.keys(spec.ports);
  const hint = known.length === 0 ? 'no ports are declared' : `declared: ${known.join(', ')}`;
  for (const probe of ['http', 'tcp', 'zmq'] as const) {
    const port = spec.health?.[probe]?.port;
    if (port !== undefined && !known.includes(port))
      invalid(['health', probe, 'port'], `unknown port "${port}" (${hint})`);
  }
  for (const [kind, port] of Object.entries(spec.calls ?? {})) {
    if (!known.includes(port)) invalid(['calls', kind], `unknown port "${port}" (${hint})`);
  }
  const texts: [readonly (string | number)[], string][] = [
    ...spec.command.map((text, index): [readonly (string | number)[], string] => [
      ['command', index],
      text,
    ]),
    ...Object.entries(spec.env).map(([key, text]): [readonly (string | number)[], string] => [
      ['env', key],
      text,
    ]),
    ...(spec.cwd === undefined ? [] : [[['cwd'], spec.cwd] as [readonly string[], string]]),
    ...(spec.envFile === undefined
      ? []
      : [[['envFile'], spec.envFile] as [readonly string[], string]]),
  ];
  for (const [where, text] of texts) {
    for (const name of referencesIn(text)) {
      if (
        name.startsWith('port.')
          ? !known.includes(name.slice(5))
          : !(name === 'node.name' || name.startsWith('node.var.'))
      ) {
        invalid(
          where,
          `unknown variable "\${${name}}"; there are \${port.NAME}, \${node.name}, \${node.var.NAME}, \${fleet.dir}`,
        );
      }
    }
  }
  return problems;
}

function unsupportedIn(
  agent: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
): Problem[] {
  const health = isPlain(agent['health'])
    ? Object.keys(agent['health']).map((key) => `health.${key}`)
    : [];
  return [...Object.keys(agent), ...health]
    .filter((field) => unsupportedFields.has(field))
    .map((field) => ({
      path: [...path, ...field.split('.')],
      code: 'not-supported',
      reason: `"${field}" is not supported by this release; take it out`,
    }));
}

function withoutUnsupported(agent: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept = Object.fromEntries(
    Object.entries(agent).filter(([field]) => !unsupportedFields.has(field)),
  );
  const health = kept['health'];
  if (!isPlain(health)) return kept;
  const probes = Object.entries(health).filter(
    ([field]) => !unsupportedFields.has(`health.${field}`),
  );
  return { ...kept, health: Object.fromEntries(probes) };
}

function merge(
  under: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    if (value === null) delete result[key];
    else result[key] = isPlain(below) && isPlain(value) ? merge(below, value) : value;
  }
  return result;
}

function replaceFleetDir(value: unknown, fleetDir: string): unknown {
  if (typeof value === 'string') return value.replaceAll('${fleet.dir}', fleetDir);
  if (Array.isArray(value)) return value.map((item) => replaceFleetDir(item, fleetDir));
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, replaceFleetDir(item, fleetDir)]),
  );
}

function toProblem(issue: z.core.$ZodIssue, prefix: readonly (string | number)[]): Problem {
  const path = [
    ...prefix,
    ...issue.path.map((part) => (typeof part === 'number' ? part : String(part))),
  ];
  if (issue.code === 'unrecognized_keys') {
    return {
      path,
      code: 'invalid',
      reason: `unknown field ${issue.keys.map((key) => `"${key}"`).join(', ')}`,
    };
  }
  // A bad key of a record hides its own reasons one level down.
  const reasons = issue.code === 'invalid_key' ? issue.issues.map((inner) => inner.message) : [];
  return { path, code: 'invalid', reason: reasons.length > 0 ? reasons.join('; ') : issue.message };
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
