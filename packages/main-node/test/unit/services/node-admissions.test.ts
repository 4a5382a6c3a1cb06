import {
  NodeRemoved,
  parseToken,
  type Actor,
  type JoinToken,
  type NodeAct,
} from '@meshwork/shared';
import { afterEach, describe, expect, it } from 'vitest';
import type { EventBody } from '../../../src/core/new-event.ts';
import { createNodeAdmissions, type Door } from '../../../src/services/node-admissions.ts';
import { answered, createFakeHub } from '../../fixtures/fake-hub.ts';
import { makeRandom, silent, startKeeper } from '../../fixtures/make-keeper.ts';
import { nodeName, publicKey } from '../../fixtures/make-state.ts';

const operator: Actor = { kind: 'operator', name: 'operator' };
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function start() {
  const { keeper, clock, stop } = await startKeeper();
  stops.push(stop);
  const hub = createFakeHub();
  const events: EventBody[] = [];
  const doorSaid: string[] = [];
  const door: Door = {
    async open(addresses) {
      doorSaid.push('open');
      return addresses ?? ['10.0.0.1:5551'];
    },
    async reopen() {
      doorSaid.push('reopen');
    },
    async close() {
      doorSaid.push('close');
    },
  };
  const admissions = createNodeAdmissions({
    keeper,
    hub,
    door,
    recorder: { record: (_, ...bodies) => void events.push(...bodies) },
    clock,
    random: makeRandom(),
    logger: silent,
    serverKey: publicKey('server'),
    fingerprintOf: (key) => `print-of-${key.replaceAll('.', '')}`,
    maxPending: 2,
  });
  const { signal } = new AbortController();
  await admissions.start(signal);
  stops.push(() => admissions.stop(signal));

  const invite = async (ask: { name?: string; uses?: number; pending?: boolean } = {}) => {
    const { name, ...rest } = ask;
    return admissions.invite(
      {
        uses: 1,
        ttlMs: 60_000,
        pending: false,
        ...rest,
        ...(name === undefined ? {} : { name: nodeName(name) }),
      },
      operator,
    );
  };
  const knock = (node: string, token?: JoinToken, key = node) =>
    admissions.knock({
      node: nodeName(node),
      publicKey: publicKey(key),
      token: token && { id: token.id, secret: token.secret },
    });
  const act = (name: string, how: NodeAct) => admissions.act(name, how, operator);
  return { admissions, clock, hub, keeper, events, doorSaid, invite, knock, act };
}

function read(text: string | undefined): JoinToken {
  const parsed = parseToken(text ?? '');
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.token;
}

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('node admissions', () => {
  it('admits a key at once when it shows the token, and tells the hub', async () => {
    const { hub, invite, knock } = await start();
    const { token, addresses } = await invite({ name: 'n1' });
    expect(read(token)).toMatchObject({ addresses, serverKey: publicKey('server'), node: 'n1' });
    await knock('n1', read(token));
    expect([...hub.admitted]).toEqual([[publicKey('n1'), 'n1']]);
  });

  it('keeps no secret of a token', async () => {
    const { keeper, invite } = await start();
    const { secret } = read((await invite()).token);
    expect(JSON.stringify([...keeper.state.invites])).not.toContain(secret);
  });

  it('refuses a wrong secret, a used token and a name that another key holds', async () => {
    const { invite, knock } = await start();
    const token = read((await invite()).token);
    await expect(knock('n1', { ...token, secret: 'guess' })).rejects.toEqual(
      code('MESH_JOIN_REFUSED'),
    );
    await knock('n1', token);
    await knock('n1', token);
    await expect(knock('n2', token)).rejects.toEqual(code('MESH_JOIN_REFUSED'));
    const second = read((await invite()).token);
    await expect(knock('n1', second, 'thief')).rejects.toEqual(code('MESH_NODE_EXISTS'));
  });

  it('closes the door when the last token has expired, and refuses it from then on', async () => {
    const { clock, doorSaid, invite, knock } = await start();
    const token = read((await invite()).token);
    await clock.advance(61_000);
    expect(doorSaid).toEqual(['open', 'close']);
    await expect(knock('n1', token)).rejects.toEqual(code('MESH_JOIN_REFUSED'));
  });

  it('lets keys without a token wait only while the door is open for them, and few', async () => {
    const { admissions, events, invite, knock } = await start();
    await expect(knock('n1')).rejects.toEqual(code('MESH_JOIN_CLOSED'));
    await invite({ pending: true });
    await expect(knock('n1')).rejects.toEqual(code('MESH_JOIN_PENDING'));
    await expect(knock('n1')).rejects.toEqual(code('MESH_JOIN_PENDING'));
    await expect(knock('n2')).rejects.toEqual(code('MESH_JOIN_PENDING'));
    await expect(knock('n3')).rejects.toEqual(code('MESH_BUSY'));
    expect(admissions.pending().map(({ node }) => node)).toEqual(['n1', 'n2']);
    expect(events.map(({ kind }) => kind)).toEqual(['node.waiting', 'node.waiting']);
  });

  it('lets a person accept or reject a waiting key by its fingerprint', async () => {
    const { admissions, hub, invite, knock, act } = await start();
    await invite({ pending: true });
    await knock('n1').catch(() => {});
    await knock('n1', undefined, 'other').catch(() => {});
    await expect(act('n1', { act: 'accept' })).rejects.toThrow(/print-of-n1; print-of-other/);
    await act('n1', { act: 'reject', fingerprint: 'PRINT OF other' });
    expect(admissions.pending().map(({ publicKey: key }) => key)).toEqual([publicKey('n1')]);
    await act('n1', { act: 'accept', fingerprint: 'print-of-n1' });
    expect([...hub.admitted]).toEqual([[publicKey('n1'), 'n1']]);
    expect(admissions.pending()).toEqual([]);
    await expect(act('nobody', { act: 'accept' })).rejects.toEqual(code('MESH_NODE_UNKNOWN'));
  });

  it('takes a revoked key off the list, whether the node hears of it or not', async () => {
    const { hub, invite, knock, act } = await start();
    const token = read((await invite({ uses: 2 })).token);
    await knock('n1', token);
    await knock('n2', token);
    hub.bound.add('n1').add('n2');
    hub.onAsk(NodeRemoved.kind, (to) =>
      to === 'n1'
        ? answered({ stopping: 3 })
        : { status: 'unknown', error: { code: 'MESH_OUTCOME_UNKNOWN', message: '' } },
    );
    expect((await act('n1', { act: 'revoke' })).message).toBe(
      'revoked n1; it heard of it and stops 3 agents',
    );
    expect((await act('n2', { act: 'revoke' })).message).toMatch(/is not known/);
    expect(hub.admitted.size).toBe(0);
    await expect(knock('n1', token)).rejects.toEqual(code('MESH_JOIN_REFUSED'));
  });

  it('never takes the only own node out, and takes over what mesh up left', async () => {
    const { admissions, hub, act } = await start();
    const own = { node: nodeName('main-pc'), publicKey: publicKey('main-pc') };
    const stranger = { node: nodeName('main-pc'), publicKey: publicKey('stranger') };
    expect(await admissions.acceptLocal([own, stranger], operator)).toEqual(['main-pc']);
    expect(hub.admitted.get(publicKey('main-pc'))).toBe('main-pc');
    await expect(act('main-pc', { act: 'revoke' })).rejects.toEqual(code('MESH_NODE_SELF'));
    await expect(act('main-pc', { act: 'remove' })).rejects.toEqual(code('MESH_NODE_SELF'));
  });

  it('moves a name to a waiting key only by re-key', async () => {
    const { hub, invite, knock, act } = await start();
    await knock('n1', read((await invite()).token));
    await invite({ pending: true });
    await knock('n1', undefined, 'fresh').catch(() => {});
    const fingerprint = 'print-of-fresh';
    await expect(act('n1', { act: 'accept', fingerprint })).rejects.toEqual(
      code('MESH_NODE_EXISTS'),
    );
    await act('n1', { act: 'rekey', fingerprint });
    expect([...hub.admitted]).toEqual([[publicKey('fresh'), 'n1']]);
  });
});
