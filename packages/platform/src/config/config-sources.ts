import { readFile } from 'node:fs/promises';
import { closestName } from './closest-name.ts';
import type { ConfigKey } from './config-keys.ts';
import {
  isPlainObject,
  readText,
  withValue,
  type ConfigLayer,
  type ConfigProblem,
} from './config-layers.ts';
import { parseYaml, type ValuePath } from './yaml-file.ts';

/** What a YAML file sets; a missing one sets nothing. */
export async function readFileLayer(
  path: string,
  isRequired: boolean,
  problems: ConfigProblem[],
): Promise<ConfigLayer> {
  const nothing: ConfigLayer = { values: {}, sourceOf: () => ({ source: path }) };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || isRequired) problems.push({ source: path, path: '', reason: message });
    return nothing;
  }
  const yaml = parseYaml(text);
  problems.push(
    ...yaml.problems.map(({ line, reason }) => ({ source: path, line, path: '', reason })),
  );
  if (yaml.value === undefined) return nothing;
  if (!isPlainObject(yaml.value)) {
    problems.push({
      source: path,
      line: 1,
      path: '',
      reason: 'holds no keys; expected lines such as "http:"',
    });
    return nothing;
  }
  return { values: yaml.value, sourceOf: (at) => ({ source: path, line: yaml.lineOf(at) }) };
}

/** What `MESH_...` variables set. */
export function layerOfVariables(
  keys: readonly ConfigKey[],
  env: Readonly<Record<string, string | undefined>>,
  problems: ConfigProblem[],
): ConfigLayer {
  const known = new Map(keys.map((key) => [key.variable, key]));
  const sections = keys
    .filter((key) => key.path.includes('.'))
    .map((key) => key.variable.split('_', 2).join('_'));
  let values = {};
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || text === '') continue;
    const key = known.get(name);
    if (key !== undefined) values = setText(values, key, text);
    // Other MESH_ variables have other readers; but one that begins like a section of ours is a typing mistake.
    else if (sections.some((section) => name.startsWith(`${section}_`))) {
      problems.push({
        source: name,
        path: '',
        reason: `no such key${didYouMean(name, known.keys())}`,
      });
    }
  }
  const variableOf = (path: ValuePath) =>
    keys.find((key) => key.path === path.join('.') || path.join('.').startsWith(`${key.path}.`))
      ?.variable ?? 'environment';
  return { values, sourceOf: (path) => ({ source: variableOf(path) }) };
}

/** What flags set, by path. */
export function layerOfFlags(
  keys: readonly ConfigKey[],
  flags: Readonly<Record<string, string | number | boolean | undefined>>,
  problems: ConfigProblem[],
): ConfigLayer {
  const known = new Map(keys.map((key) => [key.path, key]));
  let values = {};
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const key = known.get(path);
    if (key !== undefined) values = setText(values, key, value);
    else
      problems.push({
        source: `--${path}`,
        path: '',
        reason: `no such key${didYouMean(path, known.keys())}`,
      });
  }
  return { values, sourceOf: (path) => ({ source: `--${path.join('.')}` }) };
}

function setText(
  values: Readonly<Record<string, unknown>>,
  key: ConfigKey,
  given: string | number | boolean,
): Record<string, unknown> {
  const value =
    typeof given === 'string'
      ? readText(given, (read) => key.schema.safeParse(read).success)
      : given;
  return withValue(values, key.path.split('.'), value);
}

/** `; did you mean "port"?`, or nothing where no known name is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const meant = closestName(name, known);
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}
