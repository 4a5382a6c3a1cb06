import { parseYaml, type ValuePath } from './yaml-file.ts';

/** One source of config values: what it sets, and where in it a value stands. */
export interface ConfigLayer {
  readonly values: unknown;
  sourceOf(path: ValuePath): { readonly source: string; readonly line?: number };
}

/** One thing wrong with a config. */
export interface ConfigProblem {
  /** File, variable or flag. */
  readonly source: string;
  /** Line in the file, from 1. */
  readonly line?: number;
  /** `http.port`; empty when it is about the source as a whole. */
  readonly path: string;
  readonly reason: string;
}

/** The value at `path`; undefined where the layer sets none. A key without a value (null) sets nothing. */
export function valueAt(values: unknown, path: ValuePath): unknown {
  let value = values;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.hasOwn(value, key)
      ? (value as Record<string | number, unknown>)[key]
      : undefined;
  }
  return value ?? undefined;
}

/** A copy of `values` in which `path` has this value. */
export function withValue(
  values: Readonly<Record<string, unknown>>,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [key = '', ...rest] = path;
  if (rest.length === 0) return { ...values, [key]: value };
  const below = values[key];
  return { ...values, [key]: withValue(isPlainObject(below) ? below : {}, rest, value) };
}

/** `over` on top of `under`: objects key by key, everything else replaced. */
export function mergeLayers(under: unknown, over: unknown): unknown {
  if (over === null || over === undefined) return under;
  if (!isPlainObject(over)) return over;
  const result: Record<string, unknown> = isPlainObject(under) ? { ...under } : {};
  for (const [key, value] of Object.entries(over)) {
    const merged = mergeLayers(result[key], value);
    if (merged !== undefined) result[key] = merged;
  }
  return result;
}

/** A text from a variable or flag: itself where the key takes text, else what it says as YAML (`8080`, `true`, `[a, b]`). */
export function readText(text: string, takes: (value: unknown) => boolean): unknown {
  if (takes(text)) return text;
  const { value } = parseYaml(text);
  return value !== undefined && takes(value) ? value : text;
}

/** Whether a value is an object with keys of its own, as YAML and JSON make them. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
