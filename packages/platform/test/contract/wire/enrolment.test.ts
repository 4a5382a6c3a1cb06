import { MeshError, MeshId, NodeName, type EnrolAsk } from '@meshwork/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../../src/base/logger.ts';
import { createMetrics } from '../../../src/base/metrics.ts';
import { createSystemClock } from '../../../src/base/system-clock.ts';
import { createSystemRandom } from '../../../src/base/system-random.ts';
import { enrol, type EnrolOptions } from '../../../src/wire/enrol.ts';
import {
  createEnrolmentDesk,
  type EnrolmentDesk,
  type EnrolmentEvents,
} from '../../../src/wire/enrolment-desk.ts';
import { mintKeyPair } from '../../../src/wire/keys.ts';
import { createWireMetrics } from '../../../src/wire/wire-metrics.ts';
import { createZmqTransport } from '../../../src/wire/zmq-transport.ts';

const never = new AbortController().signal;
const clock = createSystemClock();
const random = createSystemRandom();
const mesh = MeshId.parse('0123456789abcdef'.repeat(2));

describe('enrolment over ZeroMQ', () => {
  const transport = createZmqTransport();
  const server = mintKeyPair();
  const keys = mintKeyPair();
  let asked: { ask: EnrolAsk; remote: string | undefined }[];
  let onRequest: EnrolmentEvents['onRequest'];
  let desk: EnrolmentDesk;

  beforeEach(async () => {
    asked = [];
    onRequest = () => ({ status: 'accepted', mesh, addresses: ['192.168.1.5:5550'] });
    desk = createEnrolmentDesk(
      {
        transport,
        clock,
        random,
        logger: createLogger({ name: 'test', level: 'silent' }),
        metrics: createWireMetrics(createMetrics({ processMetrics: false })),
        events: {
          onRequest(ask, remote) {
            asked.push({ ask, remote });
            return onRequest(ask, remote);
          },
        },
      },
      { port: 0, keys: server },
    );
    await desk.start(never);
  });
  afterEach(() => desk.stop(never));

  const request = (options: Partial<EnrolOptions> = {}) =>
    enrol(
      { transport, clock, random },
      {
        addresses: [`127.0.0.1:${desk.port}`],
        serverKey: server.publicKey,
        keys,
        node: NodeName.parse('pc2'),
        token: { id: 't1', secret: 's3cret' },
        release: '0.0.0',
        facts: { host: 'pc2.lan' },
        ...options,
      },
      never,
    );

  test('a key that asks is answered, and its address is known', async () => {
    await desk.open(['127.0.0.1']);

    const outcome = await request();

    expect(outcome).toMatchObject({
      status: 'answered',
      answer: { status: 'accepted', mesh, addresses: ['192.168.1.5:5550'] },
    });
    expect(asked).toMatchObject([
      {
        ask: { node: 'pc2', publicKey: keys.publicKey, token: { id: 't1', secret: 's3cret' } },
        remote: '127.0.0.1',
      },
    ]);
  });

  test('the next address is tried when one does not answer, with a reason for each that failed', async () => {
    await desk.open(['127.0.0.1']);

    const outcome = await request({ addresses: ['127.0.0.1:1', `127.0.0.1:${desk.port}`] });
    const failed = await request({ addresses: ['127.0.0.1:1', 'no-such-host.invalid:5551'] });

    expect(outcome).toMatchObject({ status: 'answered', address: `127.0.0.1:${desk.port}` });
    expect(failed).toMatchObject({
      status: 'failed',
      attempts: [
        { reason: 'refused', message: expect.stringContaining('ufw allow') as string },
        { reason: 'unresolved' },
      ],
    });
  });

  test('a thrown refusal reaches the asker with its code', async () => {
    await desk.open(['127.0.0.1']);
    onRequest = () => {
      throw new MeshError('MESH_JOIN_REFUSED', 'the token is used up');
    };

    expect(await request()).toMatchObject({
      status: 'answered',
      answer: { status: 'refused', code: 'MESH_JOIN_REFUSED', message: 'the token is used up' },
    });
  });

  test('a main node with another key is not talked to, and the reason says so', async () => {
    await desk.open(['127.0.0.1']);

    const outcome = await request({ serverKey: mintKeyPair().publicKey });

    expect(outcome).toMatchObject({
      status: 'failed',
      attempts: [{ message: expect.stringContaining('another server key') as string }],
    });
    expect(asked).toEqual([]);
  });

  test('a public key without its secret is refused before anybody decides', async () => {
    await desk.open(['127.0.0.1']);
    const stranger = mintKeyPair();

    const outcome = await request({
      keys: { publicKey: keys.publicKey, secretKey: stranger.secretKey },
    });

    expect(outcome.status === 'answered' ? outcome.answer.status : 'failed').not.toBe('accepted');
    expect(asked).toEqual([]);
  });

  test('a closed desk is a closed port, and opens again on the same one', async () => {
    await desk.open(['127.0.0.1']);
    const { port } = desk;
    await desk.close();
    const whileClosed = await request();

    await desk.open(['127.0.0.1']);

    expect(whileClosed.status).toBe('failed');
    expect(desk.port).toBe(port);
    expect((await request()).status).toBe('answered');
  });

  test('an abort ends the asking', async () => {
    const aborting = AbortSignal.abort(new Error('enough'));
    const options = {
      addresses: ['127.0.0.1:1'],
      serverKey: server.publicKey,
      keys,
      node: NodeName.parse('pc2'),
      release: '0.0.0',
      facts: {},
    };

    await expect(enrol({ transport, clock, random }, options, aborting)).rejects.toThrow('enough');
  });
});
