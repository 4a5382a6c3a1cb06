import type { Transition } from './apply-plan.ts';
import { changedFields } from './changed-fields.ts';
import type { MeshState } from './mesh-state.ts';
import type { EventBody } from './new-event.ts';

/**
 * Takes note of the config in force: an event for each key that is not as it was at the last start. `values` holds no secrets.
 * The first start of a mesh makes no events: nothing was before.
 */
export function noteConfig(
  state: MeshState,
  values: Readonly<Record<string, unknown>>,
): Transition {
  const before = state.config;
  const isFirst = Object.keys(before).length === 0;
  const keys = new Set([...Object.keys(before), ...Object.keys(values)]);
  const changed = [...keys].filter((key) => changedFields(before[key], values[key]).length > 0);
  if (changed.length === 0) return { state, events: [] };
  const events = changed.map((key): EventBody => ({
    kind: 'config.changed',
    key,
    ...(before[key] === undefined ? {} : { before: before[key] }),
    ...(values[key] === undefined ? {} : { after: values[key] }),
  }));
  return { state: { ...state, config: values }, events: isFirst ? [] : events };
}
