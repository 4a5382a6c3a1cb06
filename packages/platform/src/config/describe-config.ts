import { formatBytes, formatDuration } from '@meshwork/shared';
import type { z } from 'zod';
import { valueAt } from './config-layers.ts';
import { listConfigKeys, type ConfigKey } from './config-keys.ts';
import type { LoadedConfig } from './load-config.ts';

/** One key of a config, for `docs/config.md` and editors. */
export type ConfigKeyDoc = Omit<ConfigKey, 'schema'>;

/** One key of a loaded config, for `mesh config show`. Secrets are redacted. */
export interface ConfigRow {
  readonly path: string;
  /** As JSON would hold it: durations in ms, sizes in bytes; absent where the key is. */
  readonly value?: unknown;
  /** As people read it: `1.5s`, `512 MiB`. */
  readonly text: string;
  /** `default`, `config.yaml:3`, `MESH_HTTP_PORT`, `--http.port`. */
  readonly source: string;
}

const SECRET_NAME = /secret|token|password|privatekey/i;

/** Every key with its variable, type, default and doc, in the schema's order. */
export function describeConfig(schema: z.ZodType): ConfigKeyDoc[] {
  return listConfigKeys(schema).map(({ path, variable, type, default: fallback, doc }) => ({
    path,
    variable,
    type,
    default: fallback,
    doc,
  }));
}

/** Every key of a loaded config with its value and what set it. */
export function showConfig<S extends z.ZodType>(
  schema: S,
  config: LoadedConfig<z.output<S>>,
): ConfigRow[] {
  return listConfigKeys(schema).map((key) => {
    const value = redact(key.path, valueAt(config.value, key.path.split('.')));
    return {
      path: key.path,
      ...(value !== undefined && { value }),
      text: toText(key, value),
      source: config.sourceOf(key.path),
    };
  });
}

function redact(path: string, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (SECRET_NAME.test(path)) return '[redacted]';
  // A URL may carry a password: redis://user:PASSWORD@host.
  return typeof value === 'string'
    ? value.replace(/^(\w+:\/\/[^:@/]*):[^@/]*@/, '$1:[redacted]@')
    : value;
}

function toText(key: ConfigKey, value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'number' && key.type === 'duration') return formatDuration(value);
  if (typeof value === 'number' && key.type === 'size') return formatBytes(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
