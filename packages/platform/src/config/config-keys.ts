import { ByteSize, Duration } from '@meshwork/shared';
import { z } from 'zod';

/** One key of a daemon's config that can be set. */
export interface ConfigKey {
  /** `http.port`. */
  readonly path: string;
  /** `MESH_HTTP_PORT`. */
  readonly variable: string;
  /** `duration`, `size`, `integer`, `text`, `debug | info`, ... */
  readonly type: string;
  /** As one would write it; undefined when the key may be absent. */
  readonly default: unknown;
  readonly doc: string;
  /** Of the value alone; reads what a file holds and says what is wrong with it. */
  readonly schema: z.ZodType;
}

/** Every key of a config schema, in the order of the schema. Nested strict objects are sections, all else is a value. */
export function listConfigKeys(schema: z.ZodType): ConfigKey[] {
  return [...keysUnder(schema, [])];
}

/** Names of the keys that the section at `path` has; empty when there is no such section. */
export function keysOfSection(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let section: z.ZodType | undefined = schema;
  for (const name of path) section = section && shapeOf(section)?.[String(name)];
  return Object.keys((section && shapeOf(section)) ?? {});
}

function* keysUnder(schema: z.ZodType, path: readonly string[]): Iterable<ConfigKey> {
  const shape = shapeOf(schema);
  if (shape !== undefined) {
    for (const [name, inner] of Object.entries(shape)) yield* keysUnder(inner, [...path, name]);
    return;
  }
  const { inner, default: fallback } = unwrap(schema);
  yield {
    path: path.join('.'),
    variable: `MESH_${path.map(toScreamingSnake).join('_')}`,
    type: typeName(inner),
    default: fallback,
    doc: schema.description ?? inner.description ?? '',
    schema,
  };
}

function toScreamingSnake(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}

function shapeOf(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  const { inner } = unwrap(schema);
  return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>) : undefined;
}

function unwrap(schema: z.ZodType): { inner: z.ZodType; default: unknown } {
  let inner = schema;
  let fallback: unknown;
  for (;;) {
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)
      fallback ??= inner.def.defaultValue;
    else if (!(inner instanceof z.ZodOptional)) return { inner, default: fallback };
    inner = inner.unwrap() as z.ZodType;
  }
}

function typeName(schema: z.ZodType): string {
  if (schema === Duration) return 'duration';
  if (schema === ByteSize) return 'size';
  if (schema instanceof z.ZodEnum) return schema.options.join(' | ');
  if (schema instanceof z.ZodNumber) return schema.isInt ? 'integer' : 'number';
  if (schema instanceof z.ZodString) return 'text';
  if (schema instanceof z.ZodBoolean) return 'true | false';
  if (schema instanceof z.ZodArray || schema instanceof z.ZodTuple) return 'list';
  if (schema instanceof z.ZodRecord) return 'map';
  return 'value';
}
