import { expect, test } from 'vitest';
import { pickProtocol, toClaimText } from '../../../src/wire/hello-claim.ts';

const claim = {
  routingId: '01ff',
  node: 'pc2',
  role: 'node',
  incarnation: 7,
  publicKey: 'client',
  serverKey: 'server',
};

test('the text of a claim is these very bytes', () => {
  expect(toClaimText(claim)).toBe('["meshwork hello 1","01ff","pc2","node",7,"client","server"]');
});

test.each([
  ['routing id', { routingId: '01fe' }],
  ['node', { node: 'pc3' }],
  ['role', { role: 'heartbeat' }],
  ['incarnation', { incarnation: 8 }],
  ['public key', { publicKey: 'other' }],
  ['server', { serverKey: 'other' }],
])('another %s is another text', (_name, over) => {
  expect(toClaimText({ ...claim, ...over })).not.toBe(toClaimText(claim));
});

test('no field can be made to look like two', () => {
  expect(toClaimText({ ...claim, node: 'pc2","node' })).not.toBe(
    toClaimText({ ...claim, role: 'node","node' }),
  );
});

test.each([
  [{ min: 1, max: 1 }, { min: 1, max: 1 }, 1],
  [{ min: 1, max: 3 }, { min: 2, max: 5 }, 3],
  [{ min: 2, max: 5 }, { min: 1, max: 3 }, 3],
  [{ min: 1, max: 2 }, { min: 3, max: 4 }, undefined],
  [{ min: 3, max: 4 }, { min: 1, max: 2 }, undefined],
  [{ min: 1, max: 2 }, { min: 2, max: 1 }, undefined],
])('of %o and %o the highest common version is %o', (ours, theirs, picked) => {
  expect(pickProtocol(ours, theirs)).toBe(picked);
});
