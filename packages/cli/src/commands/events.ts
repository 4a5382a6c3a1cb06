import { listOf, MeshEvent } from '@meshwork/shared';
import type { Command } from '../command.ts';
import { wholeNumber } from './agent.ts';

const Events = listOf(MeshEvent);

/** `mesh events`. */
export const eventsCommand: Command = {
  path: 'events',
  block: 'Every day',
  summary: 'Every change of nodes, agents, placements and configuration, and by whom',
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {
    follow: { type: 'boolean', short: 'f', help: 'Goes on with new events until Ctrl-C.' },
    limit: { type: 'string', short: 'n', value: 'COUNT', help: 'How many back; default 50.' },
  },
  examples: ['mesh events', 'mesh events -f', "mesh events -n 500 -o json | jq '.items[].kind'"],
  answer: Events,
  async run({ api, options, print, printItem, signal, unread }) {
    const client = await api();
    const limit = wholeNumber(options['limit'], 'limit', 50);
    const path = `/v1/events?limit=${limit}`;
    if (options['follow'] !== true) {
      print(Events, await client.get(path, Events), ({ items }) => items.map(renderEvent).join(''));
      return 0;
    }
    const ending = AbortSignal.any([signal, unread]);
    for await (const event of client.stream(`${path}&follow=1`, MeshEvent, ending))
      printItem(MeshEvent, event, renderEvent);
    return 0;
  },
};

/** One event as one line: when, what, about whom, from what to what, why, by whom. */
function renderEvent(event: MeshEvent): string {
  const { atMs, kind, actor, id: _id, source: _source, ...rest } = event;
  const { before, after, reason, summary, ...about } = rest as Record<string, unknown>;
  const subject = Object.values(about).map(String).join(' ');
  const change =
    before === undefined && after === undefined ? '' : ` ${brief(before)} -> ${brief(after)}`;
  const why =
    reason === undefined && summary === undefined ? '' : ` (${String(reason ?? summary)})`;
  const time = new Date(atMs).toISOString();
  return `${time}  ${kind.padEnd(18)}  ${subject}${change}${why}  by ${actor.kind} ${actor.name}\n`;
}

function brief(value: unknown): string {
  if (value === undefined) return '-';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
