import { extname } from 'node:path';
import { MeshError } from '@meshwork/shared';
import type { z } from 'zod';
import { keysOfSection, listConfigKeys } from './config-keys.ts';
import { mergeLayers, valueAt, type ConfigLayer, type ConfigProblem } from './config-layers.ts';
import { didYouMean, layerOfFlags, layerOfVariables, readFileLayer } from './config-sources.ts';
import type { ValuePath } from './yaml-file.ts';

/** Where a config comes from; what stands later wins: defaults, file, overlay file, variables, flags. */
export interface ConfigSources {
  /** YAML file. `isRequired` (default false) makes its absence a problem. */
  readonly file?: { readonly path: string; readonly isRequired?: boolean } | undefined;
  /** With `production`, `config.production.yaml` beside `config.yaml` is read too, where it exists. */
  readonly overlay?: string | undefined;
  /** Environment; `MESH_HTTP_PORT` sets `http.port`. An empty variable counts as not set. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By path: `{'http.port': '0'}`. Texts are read as the key's type. */
  readonly flags?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** A config that is valid as a whole, and where each of its values came from. */
export interface LoadedConfig<T> {
  /** Deeply frozen. */
  readonly value: T;
  /** What set a key: `config.yaml:3`, `MESH_HTTP_PORT`, `--http.port` or `default`. */
  sourceOf(path: string): string;
  /** Whether anything but the default set this key. A port that was set is never replaced by a free one. */
  isSet(path: string): boolean;
}

/**
 * Reads a config from all its sources.
 *
 * Throws MESH_CONFIG_INVALID with every problem at once in `details.problems` ({@link ConfigProblem}).
 */
export async function loadConfig<S extends z.ZodType>(
  schema: S,
  sources: ConfigSources,
): Promise<LoadedConfig<z.output<S>>> {
  const problems: ConfigProblem[] = [];
  const keys = listConfigKeys(schema);
  const layers: ConfigLayer[] = [];
  const { file, overlay, env = {}, flags = {} } = sources;
  if (file !== undefined) {
    layers.push(await readFileLayer(file.path, file.isRequired ?? false, problems));
    if (overlay !== undefined && overlay !== '') {
      const suffix = extname(file.path);
      const path = `${file.path.slice(0, file.path.length - suffix.length)}.${overlay}${suffix}`;
      layers.push(await readFileLayer(path, false, problems));
    }
  }
  layers.push(layerOfVariables(keys, env, problems), layerOfFlags(keys, flags, problems));

  const sourceOf = (path: ValuePath) =>
    layers.findLast((layer) => valueAt(layer.values, path) !== undefined)?.sourceOf(path);
  const merged = layers.reduce<unknown>((under, layer) => mergeLayers(under, layer.values), {});
  const parsed = schema.safeParse(merged);
  for (const issue of parsed.error?.issues ?? [])
    problems.push(...toProblems(schema, issue, sourceOf));
  if (!parsed.success || problems.length > 0) throw invalid(problems);

  const find = (path: string) => sourceOf(path.split('.'));
  return {
    value: deepFreeze(parsed.data),
    sourceOf(path) {
      const found = find(path);
      if (found === undefined) return 'default';
      return found.line === undefined ? found.source : `${found.source}:${found.line}`;
    },
    isSet: (path) => find(path) !== undefined,
  };
}

function toProblems(
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  sourceOf: (path: ValuePath) => { readonly source: string; readonly line?: number } | undefined,
): ConfigProblem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const at = (where: ValuePath, reason: string): ConfigProblem => {
    let found = sourceOf(where);
    for (let length = where.length - 1; found === undefined && length > 0; length -= 1)
      found = sourceOf(where.slice(0, length));
    return { source: 'config', ...found, path: where.join('.'), reason };
  };
  if (issue.code !== 'unrecognized_keys') return [at(path, issue.message)];
  const known = keysOfSection(schema, path);
  return issue.keys.map((key) =>
    at([...path, key], `unknown key "${key}"${didYouMean(key, known)}`),
  );
}

function invalid(problems: readonly ConfigProblem[]): MeshError {
  const lines = problems.map(({ source, line, path, reason }) => {
    const where = line === undefined ? source : `${source}:${line}`;
    return `${where}: ${path === '' ? '' : `${path}: `}${reason}`;
  });
  return new MeshError(
    'MESH_CONFIG_INVALID',
    `the config has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}\n${lines.join('\n')}`,
    {
      details: { problems },
    },
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
