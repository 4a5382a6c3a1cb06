import {
  Hello,
  Incarnation,
  MeshId,
  NodeLeft,
  NodeName,
  decodeBatch,
  decodeMessage,
  type DialOptions,
  type Envelope,
  type FrameOutcome,
  type Logger,
} from '@meshwork/shared';
import { expect, onTestFinished, test } from 'vitest';
import { createMetrics } from '../../../src/base/metrics.ts';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import { encodeGreeting } from '../../../src/wire/frames.ts';
import { mintKeyPair } from '../../../src/wire/keys.ts';
import { createUplink } from '../../../src/wire/uplink.ts';
import { createWireMetrics } from '../../../src/wire/wire-metrics.ts';

const never = new AbortController().signal;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** A frame that the uplink handed over: what it says, and how the test lets it end. */
interface Sent {
  readonly message: Envelope | undefined;
  end(outcome: FrameOutcome): void;
}

test('a new incarnation keeps the connection, also with a frame of the older one under way', async () => {
  const sent: Sent[] = [];
  let dialled: DialOptions | undefined;
  let closes = 0;
  const uplink = createUplink(
    {
      clock: createSystemClock(),
      random: createSystemRandom(),
      logger: silent,
      metrics: createWireMetrics(createMetrics({ processMetrics: false })),
      events: { onWelcome() {}, onRefused() {}, onLost() {} },
      transport: {
        bind: () => Promise.reject(new Error('an uplink does not bind')),
        dial(options) {
          dialled = options;
          return {
            send: (frame) =>
              new Promise((end) => {
                const batch = decodeBatch(frame.toString());
                sent.push({ message: decodeMessage(batch?.messages[0]), end });
              }),
            close: () => (closes += 1),
          };
        },
      },
    },
    {
      addresses: ['127.0.0.1:1'],
      keys: mintKeyPair(),
      serverKey: mintKeyPair().publicKey,
      node: NodeName.parse('pc2'),
      role: 'node',
      incarnation: Incarnation.parse(1),
      release: 'test',
      about: () => ({}),
    },
  );
  await uplink.start(never);
  onTestFinished(() => uplink.stop(AbortSignal.abort()));

  async function next(kind: string): Promise<Sent> {
    for (;;) {
      const found = sent.find(({ message }) => message?.kind === kind);
      if (found !== undefined) {
        sent.splice(sent.indexOf(found), 1);
        return found;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function welcome(session: string): Promise<void> {
    const hello = await next(Hello.kind);
    hello.end('sent');
    const body = {
      mesh: MeshId.parse('0'.repeat(32)),
      term: 1,
      protocol: 1,
      session,
      calledDead: false,
    };
    const frame = encodeGreeting(
      { to: 'pc2', term: 1, sentAtMs: 0 },
      { id: 'w', kind: 'welcome', correlationId: hello.message?.id ?? '', body },
    );
    dialled?.onFrames([Buffer.from(frame)]);
  }

  dialled?.onOpen();
  await welcome('first');
  uplink.send(NodeLeft, { why: 'stopped' });
  const underWay = await next(NodeLeft.kind);

  uplink.renew(Incarnation.parse(2));
  await welcome('second');
  underWay.end('sent');
  await new Promise((resolve) => setImmediate(resolve));

  expect(closes).toBe(0);
  expect(uplink.isBound).toBe(true);
});
