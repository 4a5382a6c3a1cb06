import { AgentSpec, AssignedInstance, InstanceId } from '@meshwork/shared';
import { z } from 'zod';

/** Tags hold at most 256 KiB in all, as JSON. */
const MAX_SPEC_CHARS = 200_000;

/** What a run says of itself to the daemon that finds it. */
export interface LaunchTag {
  readonly launch: number;
  readonly ranAs: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly assigned: AssignedInstance;
}

const Ports = z.record(z.string(), z.int());
const Placed = AssignedInstance.omit({ spec: true });

/** Writes a launch's tag. A spec that is too long for it is left out. */
export function encodeLaunchTag(tag: LaunchTag): Record<string, string> {
  const { spec, ...rest } = tag.assigned;
  const text = JSON.stringify(spec);
  return {
    instance: rest.instance,
    agent: rest.agent,
    epoch: rest.epoch,
    launch: String(tag.launch),
    ranAs: tag.ranAs,
    ports: JSON.stringify(tag.ports),
    assigned: JSON.stringify(rest),
    ...(JSON.stringify(text).length > MAX_SPEC_CHARS ? {} : { spec: text }),
  };
}

/** Reads a tag; undefined when nobody of us wrote it. */
export function decodeLaunchTag(tag: Readonly<Record<string, string>>): LaunchTag | undefined {
  const launch = Number(tag['launch']);
  const instance = InstanceId.safeParse(tag['instance']);
  const ports = Ports.safeParse(parseJson(tag['ports']));
  const rest = Placed.safeParse(parseJson(tag['assigned']));
  if (!Number.isInteger(launch) || !instance.success || !rest.success || !ports.success) {
    return undefined;
  }
  const spec = AgentSpec.safeParse(parseJson(tag['spec']));
  return {
    launch,
    ranAs: tag['ranAs'] ?? '',
    ports: ports.data,
    assigned: { ...rest.data, spec: spec.success ? spec.data : unreadableSpec },
  };
}

/** Stands for a spec that could not be kept with its run: looked after while it lives, never started again. */
const unreadableSpec: AgentSpec = AgentSpec.parse({
  command: ['unknown'],
  restart: { policy: 'never' },
});

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
