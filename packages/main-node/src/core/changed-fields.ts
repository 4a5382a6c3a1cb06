/**
 * Paths of the fields in which two JSON values differ, e.g. `['env.MODE', 'health.interval']`; empty when they are equal.
 *
 * A field that one of them lacks differs unless the other holds `undefined` there. Lists are compared as a whole.
 */
export function changedFields(before: unknown, after: unknown): readonly string[] {
  const changed: string[] = [];
  collect(before, after, '', changed);
  return changed;
}

function collect(before: unknown, after: unknown, path: string, changed: string[]): void {
  if (Object.is(before, after)) return;
  if (isPlain(before) && isPlain(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      collect(before[key], after[key], path === '' ? key : `${path}.${key}`, changed);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    if (before.every((item, at) => changedFields(item, after[at]).length === 0)) return;
  }
  changed.push(path);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
