import { formatDuration, type AgentRow, type NodeRow } from '@meshwork/shared';
import { paint, type Terminal } from './terminal.ts';

/** A state in the colour of how well it is. */
export function paintState(
  terminal: Terminal,
  state: AgentRow['state'] | NodeRow['state'],
): string {
  switch (state) {
    case 'ready':
    case 'alive':
      return paint(terminal, 'green', state);
    case 'crashed':
    case 'crash-loop':
    case 'dead':
      return paint(terminal, 'red', state);
    case 'stopped':
    case 'ended':
    case 'left':
      return paint(terminal, 'dim', state);
    default:
      return paint(terminal, 'yellow', state);
  }
}

/** An age for people; `-` where there is none. */
export function formatAge(ms: number | undefined): string {
  return ms === undefined ? '-' : formatDuration(ms);
}

/** `1 agent`, `2 agents`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
