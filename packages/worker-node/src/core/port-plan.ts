import type { AgentSpec } from '@meshwork/shared';

/** One declared port and the number it has, or could have. */
export interface PlannedPort {
  readonly name: string;
  readonly port: number;
  /** `auto` ports may be picked anew when somebody holds them. */
  readonly isAuto: boolean;
}

/** What is known when the ports of an instance are decided. */
export interface PortView {
  /** `auto` ports that the instance had before, by name. */
  readonly kept: Readonly<Record<string, number>>;
  /** Ports of all other instances of this node, declared or picked. */
  readonly claimed: ReadonlySet<number>;
  /** Ports that were tried and are held by somebody. */
  readonly held: ReadonlySet<number>;
  /** First and last port that `auto` may be. */
  readonly range: readonly [number, number];
}

/**
 * Decides the ports of one instance; undefined when no free `auto` port is left in the range.
 *
 * A kept port stays unless somebody else has it. `random` is in [0, 1): where the search begins, so that two meshes on one
 * machine seldom meet.
 */
export function planPorts(
  ports: AgentSpec['ports'],
  view: PortView,
  random: number,
): readonly PlannedPort[] | undefined {
  const taken = new Set([...view.claimed, ...view.held]);
  const planned: PlannedPort[] = [];
  for (const [name, claim] of Object.entries(ports)) {
    if (claim === 'auto') continue;
    taken.add(claim);
    planned.push({ name, port: claim, isAuto: false });
  }
  for (const [name, claim] of Object.entries(ports)) {
    if (claim !== 'auto') continue;
    const kept = view.kept[name];
    const port =
      kept !== undefined && !taken.has(kept) ? kept : pickFree(view.range, taken, random);
    if (port === undefined) return undefined;
    taken.add(port);
    planned.push({ name, port, isAuto: true });
  }
  return planned;
}

function pickFree(
  [first, last]: readonly [number, number],
  taken: ReadonlySet<number>,
  random: number,
): number | undefined {
  const size = last - first + 1;
  const begin = Math.floor(random * size);
  for (let step = 0; step < size; step += 1) {
    const port = first + ((begin + step) % size);
    if (!taken.has(port)) return port;
  }
  return undefined;
}
