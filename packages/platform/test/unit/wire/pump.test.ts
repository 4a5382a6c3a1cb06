import {
  createPeerQueue,
  decodeBatch,
  decodeMessage,
  type FrameOutcome,
  type QueuedMessage,
} from '@meshwork/shared';
import { createFakeClock } from '@meshwork/testkit';
import { describe, expect, test } from 'vitest';
import { createPump, type PumpLink } from '../../../src/wire/pump.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A link that keeps what it was sent, and takes or refuses frames as the test says. */
interface TestLink extends PumpLink {
  readonly frames: string[][];
  answer: FrameOutcome;
}

function createWorld() {
  const clock = createFakeClock();
  const sent: string[] = [];
  const expired: string[] = [];
  const closed: string[][] = [];
  const pump = createPump<TestLink>({
    clock,
    onSent: (_, messages) => sent.push(...messages.map(({ id }) => id)),
    onExpired: (_, { id }) => expired.push(id),
    onClosed: (_, messages) => closed.push(messages.map(({ id }) => id)),
  });
  const createLink = (): TestLink => {
    const link: TestLink = {
      queue: createPeerQueue({ maxBytes: 1_000_000, maxMessages: 1_000 }),
      frames: [],
      answer: 'sent',
      head: () => ({ v: 1, to: 'pc2', term: 1, sentAtMs: 0 }),
      async send(frame) {
        if (link.answer === 'sent') {
          const rows = decodeBatch(frame.toString())?.messages ?? [];
          link.frames.push(rows.map((row) => decodeMessage(row)?.id ?? ''));
        }
        return link.answer;
      },
    };
    return link;
  };
  const queue = (link: TestLink, id: string, more: Partial<QueuedMessage> = {}): void => {
    const message = { id, kind: 'test.fact', bodyJson: '{}', ...more };
    if (message.latest) link.queue.put(message);
    else link.queue.push(message);
    pump.wake(link);
  };
  return { clock, pump, createLink, queue, sent, expired, closed };
}

describe('the pump', () => {
  test('what one task queues for a peer leaves as one frame, in order', async () => {
    const { createLink, queue } = createWorld();
    const link = createLink();

    for (const id of ['a', 'b', 'c']) queue(link, id);
    await turn();

    expect(link.frames).toEqual([['a', 'b', 'c']]);
  });

  test('what the tasks of a busy turn queue leaves together at its end', async () => {
    const { createLink, queue } = createWorld();
    const link = createLink();
    queue(link, 'lone');
    await turn();

    for (const id of ['a', 'b', 'c']) {
      queue(link, id);
      await Promise.resolve();
    }
    await turn();

    expect(link.frames).toEqual([['lone'], ['a', 'b', 'c']]);
  });

  test('a full peer delays nobody, and gets its messages in order when it takes some again', async () => {
    const { clock, createLink, queue, sent } = createWorld();
    const stuck = createLink();
    const other = createLink();
    stuck.answer = 'full';

    for (const id of ['a', 'b']) queue(stuck, id);
    queue(other, 'x');
    await turn();
    queue(stuck, 'c');
    await clock.advance(200);
    const whileFull = [...sent];
    stuck.answer = 'sent';
    await clock.advance(200);

    expect(whileFull).toEqual(['x']);
    expect(other.frames).toEqual([['x']]);
    expect(stuck.frames.flat()).toEqual(['a', 'b', 'c']);
  });

  test('a full peer is tried ever more rarely, and no more than 50 ms apart', async () => {
    const { clock, createLink, queue } = createWorld();
    const link = createLink();
    let tries = 0;
    link.send = async () => {
      tries += 1;
      return 'full';
    };

    queue(link, 'a');
    await clock.advance(1_000);

    expect(tries).toBeGreaterThanOrEqual(1_000 / 50);
    expect(tries).toBeLessThan(30);
  });

  test('what expires while its peer is full is told and not sent', async () => {
    const { clock, createLink, queue, expired } = createWorld();
    const link = createLink();
    link.answer = 'full';

    queue(link, 'short', { deadlineMs: clock.monotonic() + 100 });
    queue(link, 'long', { deadlineMs: clock.monotonic() + 10_000 });
    await clock.advance(300);
    link.answer = 'sent';
    await clock.advance(100);

    expect(expired).toEqual(['short']);
    expect(link.frames).toEqual([['long']]);
  });

  test('what waited says how much of its timeout is left', async () => {
    const { clock, createLink, queue } = createWorld();
    const link = createLink();
    const texts: string[] = [];
    link.send = async (frame) => {
      texts.push(frame.toString());
      return texts.length < 5 ? 'full' : 'sent';
    };

    queue(link, 'a', { deadlineMs: clock.monotonic() + 1_000 });
    await clock.advance(200);

    const timeouts = texts.map((text) => decodeMessage(decodeBatch(text)?.messages[0])?.timeoutMs);
    expect(timeouts[0]).toBe(1_000);
    expect(timeouts.at(-1)).toBeLessThan(1_000);
  });

  test('a newer message of a slot takes the place of one that was put back', async () => {
    const { clock, createLink, queue } = createWorld();
    const link = createLink();
    link.answer = 'full';

    queue(link, 'older', { latest: true });
    await turn();
    queue(link, 'newer', { latest: true });
    link.answer = 'sent';
    await clock.advance(100);

    expect(link.frames).toEqual([['newer']]);
  });

  test('a closed peer is told with what did not leave', async () => {
    const { createLink, queue, closed } = createWorld();
    const link = createLink();
    link.answer = 'closed';

    for (const id of ['a', 'b']) queue(link, id);
    await turn();

    expect(closed).toEqual([['a', 'b']]);
  });

  test('a stopped pump sends nothing and waits for nobody', async () => {
    const { clock, pump, createLink, queue } = createWorld();
    const [link, stuck] = [createLink(), createLink()];
    stuck.answer = 'full';
    queue(stuck, 'a');
    await turn();

    pump.stop();
    queue(link, 'b');
    await clock.advance(1_000);

    expect(link.frames).toEqual([]);
    expect(clock.pending()).toBe(0);
  });

  test('a batch is bounded, and a larger message travels alone', async () => {
    const { createLink, queue } = createWorld();
    const link = createLink();
    const bodyJson = JSON.stringify('x'.repeat(30_000));

    for (const id of ['a', 'b', 'c']) queue(link, id, { bodyJson });
    queue(link, 'large', { bodyJson: JSON.stringify('x'.repeat(100_000)) });
    queue(link, 'small');
    for (let turns = 0; turns < 10; turns += 1) await turn();

    expect(link.frames).toEqual([['a', 'b'], ['c'], ['large'], ['small']]);
  });
});
