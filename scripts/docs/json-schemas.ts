import { AgentSpec, FleetName, MainNodeConfig, WorkerNodeConfig } from '@meshwork/shared';
import { z } from 'zod';

type JsonSchema = Readonly<Record<string, unknown>>;

/** The schemas that editors complete and check YAML with, by file name. */
export function renderJsonSchemas(): ReadonlyMap<string, string> {
  const schemas: readonly (readonly [string, JsonSchema])[] = [
    ['main-node.json', toJsonSchema('Config of the main node', MainNodeConfig)],
    ['worker-node.json', toJsonSchema('Config of a worker node', WorkerNodeConfig)],
    ['fleet.json', toFleetSchema()],
  ];
  return new Map(
    schemas.map(([name, schema]) => [name, `${JSON.stringify(schema, undefined, 2)}\n`]),
  );
}

/** What may be written, so durations are still text; what JSON Schema cannot say is left open. */
function toJsonSchema(title: string, schema: z.ZodType): JsonSchema {
  return { title, ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) };
}

/** `defaults` may give any field of an agent, so an agent itself need not have it, and may drop it. */
function toFleetSchema(): JsonSchema {
  const {
    $schema,
    required: _,
    properties,
    ...agent
  } = z.toJSONSchema(AgentSpec, {
    io: 'input',
    unrepresentable: 'any',
  });
  const fields = Object.entries(properties ?? {}).map(([name, field]) => [
    name,
    { anyOf: [field, { type: 'null' }] },
  ]);
  const { $schema: __, ...name } = z.toJSONSchema(FleetName, { io: 'input' });
  return {
    title: 'Fleet file',
    $schema,
    $defs: { agent: { ...agent, properties: Object.fromEntries(fields) as unknown } },
    type: 'object',
    properties: {
      fleet: name,
      defaults: { $ref: '#/$defs/agent' },
      agents: { type: 'object', additionalProperties: { $ref: '#/$defs/agent' } },
    },
    required: ['fleet', 'agents'],
    additionalProperties: false,
  };
}
