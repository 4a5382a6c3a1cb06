import type {
  BindOptions,
  CloseReason,
  DealerSocket,
  KeyPair,
  RouterSocket,
  Transport,
} from '@meshwork/shared';
import { mintKeyPair } from '@meshwork/platform';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../until.ts';

const LIMIT = 65_536;

interface Heard {
  readonly from: string;
  readonly frames: readonly string[];
}

/** What every transport promises: authenticated, ordered frames, and the truth about closed connections. */
export function describeTransport(name: string, create: () => Transport): void {
  describe(`transport: ${name}`, () => {
    let transport: Transport;
    let keys: KeyPair;
    let client: KeyPair;
    let admitted: Set<string>;
    let heard: Heard[];
    const routers: RouterSocket[] = [];
    const dealers: DealerSocket[] = [];

    beforeEach(() => {
      transport = create();
      keys = mintKeyPair();
      client = mintKeyPair();
      admitted = new Set([client.publicKey]);
      heard = [];
    });
    afterEach(() => {
      for (const dealer of dealers.splice(0)) dealer.close();
      for (const router of routers.splice(0)) router.close();
    });

    async function bind(options: Partial<BindOptions> = {}): Promise<RouterSocket> {
      const router = await transport.bind({
        endpoints: ['tcp://127.0.0.1:0'],
        keys,
        domain: 'control',
        maxMessageBytes: LIMIT,
        admits: (key) => admitted.has(key),
        onFrames: (from, frames) => heard.push({ from: hex(from), frames: frames.map(text) }),
        ...options,
      });
      routers.push(router);
      return router;
    }

    interface Dialled extends DealerSocket {
      readonly got: string[][];
      readonly state: { open: boolean; closed?: CloseReason };
    }

    function dial(
      router: RouterSocket,
      options: { id?: string; as?: KeyPair; to?: string } = {},
    ): Dialled {
      const got: string[][] = [];
      const state: Dialled['state'] = { open: false };
      const dealer = transport.dial({
        endpoint: router.endpoints[0] ?? '',
        keys: options.as ?? client,
        serverKey: options.to ?? keys.publicKey,
        routingId: bytes(options.id ?? 'first'),
        maxMessageBytes: LIMIT,
        onOpen: () => (state.open = true),
        onFrames: (frames) => got.push(frames.map(text)),
        onClosed: (reason) => (state.closed = reason),
      });
      dealers.push(dealer);
      return Object.assign(dealer, { got, state });
    }

    const isOpen = (dealer: Dialled) => until('the connection opens', () => dealer.state.open);
    const isClosed = (dealer: Dialled) => until('the connection ends', () => dealer.state.closed);

    test('carries frames both ways, in order', async () => {
      const router = await bind();
      const dealer = dial(router);
      await isOpen(dealer);

      for (const frame of ['a', 'b', 'c']) expect(await dealer.send(bytes(frame))).toBe('sent');
      await until('all frames arrive', () => heard.length === 3);
      for (const frame of ['x', 'y'])
        expect(await router.send(bytes('first'), bytes(frame))).toBe('sent');
      await until('the answers arrive', () => dealer.got.length === 2);

      expect(heard.map(({ frames }) => frames)).toEqual([['a'], ['b'], ['c']]);
      expect(dealer.got).toEqual([['x'], ['y']]);
    });

    test('sends that overlap all leave, in order', async () => {
      const router = await bind();
      const dealer = dial(router);
      await isOpen(dealer);

      const outcomes = await Promise.all(
        ['a', 'b', 'c', 'd'].map((frame) => dealer.send(bytes(frame))),
      );

      expect(outcomes).toEqual(['sent', 'sent', 'sent', 'sent']);
      await until('all arrive', () => heard.length === 4);
      expect(heard.map(({ frames }) => frames[0])).toEqual(['a', 'b', 'c', 'd']);
    });

    test('a key that is not admitted never opens and hears why', async () => {
      const dealer = dial(await bind(), { as: mintKeyPair() });

      expect(await isClosed(dealer)).toBe('auth');
      expect(dealer.state.open).toBe(false);
    });

    test('a key admitted later gets in at its next attempt', async () => {
      const router = await bind();
      const late = mintKeyPair();
      await isClosed(dial(router, { as: late }));

      admitted.add(late.publicKey);

      await isOpen(dial(router, { as: late }));
    });

    test('a server that does not hold the expected key is not talked to', async () => {
      const dealer = dial(await bind(), { to: mintKeyPair().publicKey });

      expect(['handshake', 'closed']).toContain(await isClosed(dealer));
      expect(dealer.state.open).toBe(false);
    });

    test('an endpoint where nobody listens is refused', async () => {
      const router = await bind();
      router.close();

      // The port is freed a moment later; an attempt before that ends in another way.
      const reason = await until('the attempt is refused', async () => {
        const ended = await isClosed(dial(router));
        return ended === 'refused' && ended;
      });

      expect(reason).toBe('refused');
    });

    test('a taken endpoint is refused with its code, and none of the others stays bound', async () => {
      const first = await bind();
      const taken = first.endpoints[0] ?? '';

      const second = bind({ endpoints: ['tcp://127.0.0.1:0', taken] });

      await expect(second).rejects.toMatchObject({ code: 'MESH_PORT_TAKEN' });
    });

    test('another endpoint can be bound while the first is in use', async () => {
      const router = await bind();
      const dealer = dial(router);
      await isOpen(dealer);

      const endpoint = router.listen('tcp://127.0.0.1:0');
      const other = dial({ ...router, endpoints: [endpoint] }, { id: 'second' });
      await isOpen(other);
      await other.send(bytes('over the second'));

      await until('it arrives', () => heard.length === 1);
      expect(heard[0]?.frames).toEqual(['over the second']);
    });

    test('a routing id nobody has is closed', async () => {
      const router = await bind();

      expect(await router.send(bytes('nobody'), bytes('x'))).toBe('closed');
    });

    test('a peer that closed its connection is closed for the bound side at once', async () => {
      const router = await bind();
      const dealer = dial(router);
      await isOpen(dealer);
      await dealer.send(bytes('here'));
      await until('it arrives', () => heard.length === 1);

      dealer.close();

      const startMs = performance.now();
      await until(
        'a send says so',
        async () => (await router.send(bytes('first'), bytes('x'))) === 'closed',
      );
      expect(performance.now() - startMs).toBeLessThan(500);
    });

    test('a bound side that closes ends every connection', async () => {
      const router = await bind();
      const dealer = dial(router);
      await isOpen(dealer);

      router.close();

      expect(await isClosed(dealer)).toBe('closed');
      expect(await dealer.send(bytes('x'))).toBe('closed');
    });

    test('a second connection under one routing id takes the place of the first', async () => {
      const router = await bind();
      const first = dial(router);
      await isOpen(first);
      await first.send(bytes('first'));
      await until('the first is heard', () => heard.length === 1);

      const second = dial(router);
      await isOpen(second);
      await second.send(bytes('second'));
      await until('the second is heard', () => heard.length === 2);
      await router.send(bytes('first'), bytes('for the second'));

      await until('the second gets it', () => second.got.length === 1);
      await first.send(bytes('stale'));
      await second.send(bytes('after'));
      await until('what the second sent arrives', () =>
        heard.some(({ frames }) => frames[0] === 'after'),
      );

      const ofThatId = heard.filter(({ from }) => from === hex(bytes('first')));
      expect(ofThatId.map(({ frames }) => frames[0])).toEqual(['first', 'second', 'after']);
      expect(first.got).toEqual([]);
    });

    test('a message over the limit ends its connection and is not delivered', async () => {
      const router = await bind();
      const dealer = dial(router);
      await isOpen(dealer);

      await dealer.send(new Uint8Array(LIMIT + 1));

      await isClosed(dealer);
      expect(heard).toEqual([]);
    });

    test('an end is told once, and not to the side that closed', async () => {
      const router = await bind();
      const dealer = dial(router);
      await isOpen(dealer);

      dealer.close();
      router.close();
      await isOpen(dial(await bind(), { id: 'later' }));

      expect(dealer.state.closed).toBeUndefined();
    });
  });
}

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const text = (frame: Uint8Array): string => new TextDecoder().decode(frame);
const hex = (frame: Uint8Array): string => Buffer.from(frame).toString('hex');
