import { expect, test } from 'vitest';
import { AgentLinkMessage, NodeLinkMessage, decodeLinkFrame } from '../../../src/index.ts';

const hello = {
  kind: 'hello',
  protocol: { min: 1, max: 1 },
  token: 'secret',
  pid: 42,
  sdk: { language: 'typescript', version: '0.0.0' },
  actions: ['search'],
  ready: false,
};

const agentFrames = [
  hello,
  { kind: 'ready' },
  { kind: 'not-ready', reason: 'the index is being built' },
  { kind: 'answer', id: 'c1', result: { hits: 3 } },
  { kind: 'answer', id: 'c2', error: { code: 'MESH_ACTION_UNKNOWN', message: 'no such action' } },
  { kind: 'call', id: 'a1', target: 'shard', action: 'search', args: { q: 'x' }, timeoutMs: 500 },
  { kind: 'progress', detail: 'indexed 40 of 90' },
  { kind: 'bye' },
];

const nodeFrames = [
  { kind: 'hello?' },
  { kind: 'welcome', protocol: 1, node: 'pc2', instance: 'shard.0', epoch: '3.17' },
  { kind: 'refused', error: { code: 'MESH_LINK_REFUSED', message: 'wrong token' } },
  { kind: 'call', id: 'c1', action: 'ping', args: {}, timeoutMs: 5000, caller: 'librarian.0' },
  { kind: 'answer', id: 'a1', result: null },
  { kind: 'drain' },
];

test.each(agentFrames)('reads an agent’s $kind as it was written', (frame) => {
  expect(decodeLinkFrame(AgentLinkMessage, JSON.stringify(frame))).toEqual({
    ok: true,
    message: frame,
  });
});

test.each(nodeFrames)('reads a node’s $kind as it was written', (frame) => {
  expect(decodeLinkFrame(NodeLinkMessage, JSON.stringify(frame))).toEqual({
    ok: true,
    message: frame,
  });
});

test('ignores fields that a newer release added', () => {
  const frame = JSON.stringify({ kind: 'ready', since: 'the next release' });

  expect(decodeLinkFrame(AgentLinkMessage, frame)).toEqual({
    ok: true,
    message: { kind: 'ready' },
  });
});

test.each([
  ['no JSON', '{"kind":"rea', 'not JSON'],
  ['an unknown kind', '{"kind":"dance"}', 'kind: '],
  ['a hello without token', JSON.stringify({ ...hello, token: undefined }), 'token: '],
  ['a call without end', JSON.stringify({ ...agentFrames[5], timeoutMs: 0 }), 'timeoutMs: '],
  ['a bare value', '7', 'message: '],
])('says what is wrong with %s', (_name, frame, reason) => {
  const read = decodeLinkFrame(AgentLinkMessage, frame);

  expect(read.ok).toBe(false);
  expect(read.ok ? '' : read.reason).toContain(reason);
});
