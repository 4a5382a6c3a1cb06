import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxBatchBytes } from '../../../src/messages/envelope.ts';
import { createPeerQueue, type QueuedMessage } from '../../../src/wire/peer-queue.ts';

const roomy = { maxBytes: 8_388_608, maxMessages: 16_384 };
/** What the queue counts for the envelope around each body. */
const ENVELOPE_BYTES = 256;

function message(id: string, over: Partial<QueuedMessage> = {}): QueuedMessage {
  return { id, kind: 'agent.call', bodyJson: '{}', ...over };
}

function slot(kind: string, id: string): QueuedMessage {
  return message(id, { kind, latest: true });
}

function ids(messages: readonly QueuedMessage[]): string[] {
  return messages.map(({ id }) => id);
}

function never(late: QueuedMessage): void {
  throw new Error(`${late.id} expired`);
}

test('messages leave in the order in which they came', () => {
  const queue = createPeerQueue(roomy);
  for (const id of ['a', 'b', 'c']) queue.push(message(id));

  expect(ids(queue.take(0, maxBatchBytes, never))).toEqual(['a', 'b', 'c']);
  expect(queue).toMatchObject({ size: 0, bytes: 0 });
});

test('refuses a message at its bound of messages and takes one again after one has left', () => {
  const queue = createPeerQueue({ ...roomy, maxMessages: 2 });
  queue.push(message('a'));
  queue.push(message('b'));

  expect(queue.push(message('c'))).toBe(false);
  queue.take(0, ENVELOPE_BYTES + 2, never);
  expect(queue.push(message('d'))).toBe(true);
  expect(ids(queue.drain())).toEqual(['b', 'd']);
});

test('refuses a message at its bound of bytes, envelope included', () => {
  const queue = createPeerQueue({ ...roomy, maxBytes: 2 * ENVELOPE_BYTES + 10 });

  expect(queue.push(message('a', { bodyJson: 'x'.repeat(8) }))).toBe(true);
  expect(queue.push(message('b', { bodyJson: 'xxx' }))).toBe(false);
  expect(queue.push(message('c', { bodyJson: 'xx' }))).toBe(true);
  expect(ids(queue.drain())).toEqual(['a', 'c']);
});

test('a newer message takes the place of an older one in the slot of its kind', () => {
  const queue = createPeerQueue(roomy);
  queue.put(slot('node.assign', 'old'));
  queue.put(slot('node.peers', 'peers'));
  queue.put(slot('node.assign', 'new'));

  expect(ids(queue.take(0, maxBatchBytes, never)).toSorted()).toEqual(['new', 'peers']);
});

test('slots go before messages, also at the bounds', () => {
  const queue = createPeerQueue({ ...roomy, maxMessages: 1 });
  queue.push(message('call'));
  queue.put(slot('node.assign', 'assign'));

  expect(ids(queue.take(0, maxBatchBytes, never))).toEqual(['assign', 'call']);
});

test('a frame takes what fits into it and the next one goes on there', () => {
  const queue = createPeerQueue(roomy);
  const bodyJson = 'x'.repeat(30_000);
  for (const id of ['a', 'b', 'c']) queue.push(message(id, { bodyJson }));

  expect(ids(queue.take(0, maxBatchBytes, never))).toEqual(['a', 'b']);
  expect(ids(queue.take(0, maxBatchBytes, never))).toEqual(['c']);
});

test('a message larger than a frame goes alone', () => {
  const queue = createPeerQueue(roomy);
  queue.push(message('small'));
  queue.push(message('large', { bodyJson: 'x'.repeat(2 * maxBatchBytes) }));
  queue.push(message('after'));

  expect(ids(queue.take(0, maxBatchBytes, never))).toEqual(['small']);
  expect(ids(queue.take(0, maxBatchBytes, never))).toEqual(['large']);
  expect(ids(queue.take(0, maxBatchBytes, never))).toEqual(['after']);
});

test('what is past its deadline does not leave and is told', () => {
  const queue = createPeerQueue(roomy);
  queue.push(message('late', { deadlineMs: 100 }));
  queue.push(message('due', { deadlineMs: 101 }));
  queue.push(message('any'));
  const expired: string[] = [];

  const taken = queue.take(100, maxBatchBytes, ({ id }) => expired.push(id));

  expect(ids(taken)).toEqual(['due', 'any']);
  expect(expired).toEqual(['late']);
  expect(queue.bytes).toBe(0);
});

test('what the socket had no room for is put back in front, in order', () => {
  const queue = createPeerQueue(roomy);
  for (const id of ['a', 'b']) queue.push(message(id));
  const taken = queue.take(0, maxBatchBytes, never);
  queue.push(message('c'));

  queue.putBack(taken);

  expect(ids(queue.take(0, maxBatchBytes, never))).toEqual(['a', 'b', 'c']);
});

test('a slot that is put back does not replace the newer one that came meanwhile', () => {
  const queue = createPeerQueue(roomy);
  queue.put(slot('node.assign', 'old'));
  const taken = queue.take(0, maxBatchBytes, never);
  queue.put(slot('node.assign', 'new'));

  queue.putBack(taken);

  expect(ids(queue.drain())).toEqual(['new']);
});

test('a message is removed by its id only while it waits', () => {
  const queue = createPeerQueue(roomy);
  for (const id of ['a', 'b', 'c']) queue.push(message(id));
  queue.take(0, ENVELOPE_BYTES + 2, never);

  expect(queue.remove('b')?.id).toBe('b');
  expect(queue.remove('a')).toBeUndefined();
  expect(queue).toMatchObject({ size: 1, bytes: ENVELOPE_BYTES + 2 });
});

type Step =
  | { readonly type: 'push'; readonly bytes: number }
  | { readonly type: 'take'; readonly isPutBack: boolean }
  | { readonly type: 'remove'; readonly id: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('push' as const), bytes: fc.nat(3_000) }),
    fc.record({ type: fc.constant('take' as const), isPutBack: fc.boolean() }),
    fc.record({ type: fc.constant('remove' as const), id: fc.nat(60) }),
  ),
  { maxLength: 120 },
);

/** Runs the steps on a queue and, as its model, on a plain array of ids. */
function runBoth(given: readonly Step[]): void {
  const limits = { maxBytes: 40_000, maxMessages: 20 };
  const queue = createPeerQueue(limits);
  let model: { readonly id: string; readonly bytes: number }[] = [];
  let count = 0;
  for (const step of given) {
    if (step.type === 'push') {
      const bytes = step.bytes + ENVELOPE_BYTES;
      const total = model.reduce((sum, waiting) => sum + waiting.bytes, 0);
      const fits = model.length < limits.maxMessages && total + bytes <= limits.maxBytes;
      const id = String((count += 1));
      expect(queue.push(message(id, { bodyJson: 'x'.repeat(step.bytes) }))).toBe(fits);
      if (fits) model.push({ id, bytes });
    } else if (step.type === 'take') {
      const taken = queue.take(0, 5_000, never);
      expect(ids(taken)).toEqual(model.slice(0, taken.length).map(({ id }) => id));
      expect(taken.length > 0).toBe(model.length > 0);
      if (step.isPutBack) queue.putBack(taken);
      else model = model.slice(taken.length);
    } else {
      const id = String(step.id);
      expect(queue.remove(id)?.id).toBe(model.find((waiting) => waiting.id === id)?.id);
      model = model.filter((waiting) => waiting.id !== id);
    }
    expect(queue.size).toBe(model.length);
    expect(queue.bytes).toBe(model.reduce((sum, waiting) => sum + waiting.bytes, 0));
  }
  expect(ids(queue.drain())).toEqual(model.map(({ id }) => id));
}

test('never loses, doubles or reorders a message and never exceeds its bounds', () => {
  fc.assert(fc.property(steps, runBoth));
});

test('keeps its order over thousands of messages', () => {
  const queue = createPeerQueue(roomy);
  const taken: string[] = [];
  for (let at = 0; at < 5_000; at += 1) queue.push(message(String(at)));

  while (queue.size > 0) taken.push(...ids(queue.take(0, 10_000, never)));

  expect(taken).toEqual(Array.from({ length: 5_000 }, (_, at) => String(at)));
});
