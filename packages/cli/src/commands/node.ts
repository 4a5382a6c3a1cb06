import {
  ActResult,
  formatDuration,
  Invite,
  listOf,
  MeshError,
  NodeRow,
  parseDuration,
  type NodeAct,
} from '@meshwork/shared';
import type { Command } from '../command.ts';
import { renderNodes } from '../output/status-view.ts';
import { wholeNumber } from './agent.ts';

const Rows = listOf(NodeRow);

/** `mesh node list`. */
export const nodeListCommand: Command = {
  path: 'node list',
  block: 'Set up',
  summary: 'Every node, and every key that waits to be let in, with fingerprints',
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {},
  examples: ['mesh node list'],
  answer: Rows,
  async run({ api, print, terminal }) {
    print(Rows, await (await api()).get('/v1/nodes', Rows), ({ items }) =>
      renderNodes(terminal, items),
    );
    return 0;
  },
};

/** `mesh node show`. */
export const nodeShowCommand: Command = {
  path: 'node show',
  block: 'Set up',
  summary: 'All that is known of one node',
  args: 'NAME',
  minArgs: 1,
  maxArgs: 1,
  options: {},
  examples: ['mesh node show pc2'],
  answer: NodeRow,
  async run({ api, positionals, print }) {
    const row = await (
      await api()
    ).get(`/v1/nodes/${encodeURIComponent(positionals[0] ?? '')}`, NodeRow);
    print(NodeRow, row, renderNode);
    return 0;
  },
};

/** `mesh node invite`. */
export const nodeInviteCommand: Command = {
  path: 'node invite',
  block: 'Set up',
  summary: 'Opens the door for another PC and prints the token to type there',
  args: '[NAME]',
  minArgs: 0,
  maxArgs: 1,
  options: {
    uses: { type: 'string', value: 'COUNT', help: 'How many keys may join with it; default 1.' },
    expires: { type: 'string', value: 'TIME', help: 'How long it holds; default 1h.' },
    address: {
      type: 'string',
      value: 'HOST',
      help: 'Address to listen on; default: every usable one of this machine.',
    },
    pending: {
      type: 'boolean',
      help: 'No token: keys wait until you compare fingerprints and accept them.',
    },
  },
  examples: [
    'mesh node invite pc2',
    'mesh node invite --uses 3 --expires 10m',
    'mesh node invite --pending',
  ],
  answer: Invite,
  async run({ api, options, positionals, print }) {
    const expires = String(options['expires'] ?? '1h');
    const ttlMs = parseDuration(expires);
    if (ttlMs === undefined)
      throw new MeshError(
        'MESH_USAGE',
        `--expires takes a time such as 10m or 1h, not "${expires}"`,
      );
    const ask = {
      ttlMs,
      uses: wholeNumber(options['uses'], 'uses', 1),
      pending: options['pending'] === true,
      ...(positionals[0] === undefined ? {} : { name: positionals[0] }),
      ...(typeof options['address'] === 'string' ? { addresses: [options['address']] } : {}),
    };
    const invite = await (await api()).send('POST', '/v1/nodes/invite', ask, Invite);
    print(Invite, invite, renderInvite);
    return 0;
  },
};

interface NodeActCommand {
  readonly act: NodeAct['act'];
  readonly verb: string;
  readonly summary: string;
  /** Takes the fingerprint of the key that is meant. */
  readonly needsFingerprint: boolean;
}

const acts: readonly NodeActCommand[] = [
  {
    act: 'accept',
    verb: 'accept',
    summary: 'Lets a waiting key in, after its fingerprint was compared',
    needsFingerprint: true,
  },
  { act: 'reject', verb: 'reject', summary: 'Sends a waiting key away', needsFingerprint: false },
  {
    act: 'revoke',
    verb: 'revoke',
    summary: 'Cuts a node off within a second and keeps its key out',
    needsFingerprint: false,
  },
  {
    act: 'remove',
    verb: 'remove',
    summary: 'Takes an empty node out of the mesh; its name stays with its key',
    needsFingerprint: false,
  },
  {
    act: 'rekey',
    verb: 're-key',
    summary: 'Gives the name of a node to the key that waits (a PC set up anew)',
    needsFingerprint: true,
  },
];

const exampleFingerprint = '1f2e-3d4c-5b6a-7988-90ab-cdef-0123-4567';

/** `mesh node accept|reject|revoke|remove|re-key`. */
export const nodeActCommands: readonly Command[] = acts.map(
  ({ act, verb, summary, needsFingerprint }) => ({
    path: `node ${verb}`,
    block: 'Set up',
    summary,
    args: needsFingerprint ? 'NAME FINGERPRINT' : 'NAME',
    minArgs: needsFingerprint ? 2 : 1,
    // A fingerprint that was copied with blanks in it comes as several words.
    maxArgs: needsFingerprint ? 9 : 1,
    options: {},
    examples: [`mesh node ${verb} pc2${needsFingerprint ? ` ${exampleFingerprint}` : ''}`],
    answer: ActResult,
    async run({ api, positionals, print }) {
      const [name = '', ...words] = positionals;
      const body = words.length === 0 ? { act } : { act, fingerprint: words.join('-') };
      const result = await (
        await api()
      ).send('POST', `/v1/nodes/${encodeURIComponent(name)}/act`, body, ActResult);
      print(ActResult, result, ({ message }) => `${message}\n`);
      return 0;
    },
  }),
);

function renderInvite(invite: Invite): string {
  const [address = ''] = invite.addresses;
  const expiry = `It holds for ${formatDuration(invite.expiresInMs)}.`;
  const server = `Main node: ${invite.addresses.join(', ')}, key fingerprint ${invite.fingerprint}\n`;
  if (invite.token === undefined) {
    return `${server}On the other PC type\n\n  mesh join --main ${address} --server-key='${invite.serverKey}'\n\nIt prints a fingerprint. Then here: mesh node list, and mesh node accept NAME FINGERPRINT. ${expiry}\n`;
  }
  return `${server}On the other PC type\n\n  mesh join ${invite.token}\n\n${expiry}\n`;
}

function renderNode(row: NodeRow): string {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['node', row.name],
    [
      'state',
      `${row.state}${row.heardAgoMs === undefined ? '' : `, heard ${formatDuration(row.heardAgoMs)} ago`}`,
    ],
    ['admission', row.admission],
    ['key', row.fingerprint],
    ['host', row.host],
    ['address', row.address],
    ['release', row.release],
    ['incarnation', row.incarnation?.toString()],
    ['agents', `${row.agents.ready} of ${row.agents.total} ready`],
    ['assignment', row.isCurrent ? 'current' : 'behind'],
    ['loop lag', row.loopLagMs === undefined ? undefined : formatDuration(row.loopLagMs)],
    ['load', row.load1?.toFixed(2)],
    [
      'memory',
      row.memoryUsedRatio === undefined
        ? undefined
        : `${Math.round(row.memoryUsedRatio * 100)} % used`,
    ],
    [
      'labels',
      Object.entries(row.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ') || undefined,
    ],
    ['cordoned', row.cordoned ? 'yes: takes nothing new' : undefined],
  ];
  return facts
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key.padEnd(13)}${value}\n`]))
    .join('');
}
