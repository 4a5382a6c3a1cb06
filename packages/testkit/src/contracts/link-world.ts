import {
  createHub,
  createLogger,
  createSystemClock,
  createSystemRandom,
  createUplink,
  mintKeyPair,
  proveHello,
  type HubConfig,
  type UplinkConfig,
  type WireMetrics,
} from '@meshwork/platform';
import {
  Hello,
  MeshId,
  NodeName,
  PublicKey,
  decodeBatch,
  decodeMessage,
  encodeBatch,
  encodeMessage,
  protocolRange,
  type DealerSocket,
  type Envelope,
  type ErrorBody,
  type HelloVerdict,
  type Hub,
  type KeyPair,
  type Peer,
  type Transport,
  type Uplink,
  type Welcome,
} from '@meshwork/shared';
import { until } from '../until.ts';

/** Counts of what was dropped and how hellos and connections ended, by name. */
export type WireCounts = Record<string, number>;

/** A hub and whoever dials it. */
export interface LinkWorld {
  readonly keys: KeyPair;
  readonly hub: Hub;
  readonly address: string;
  readonly counts: WireCounts;
  readonly bound: Peer[];
  readonly closed: Peer[];
  /** Decides about hellos; accepts by default. */
  judge: (peer: Peer) => HelloVerdict;
  /** Gives this name a key and admits it beside those admitted before. */
  enrol(name: string): Promise<KeyPair>;
  /** Takes the name off the list. */
  revoke(name: string): Promise<void>;
  /** An uplink of this name, started and bound unless `wait` is false. */
  dial(name: string, options?: DialOptions): Promise<DialledUplink>;
  /** A bare connection, open, that says what a test wants. */
  knock(keys: KeyPair, routingId?: string): Promise<RawPeer>;
  end(): Promise<void>;
}

/** How an uplink of a test differs from the usual. */
export interface DialOptions extends Partial<UplinkConfig> {
  readonly wait?: boolean;
  readonly handle?: (uplink: Uplink) => void;
}

/** An uplink and what it was told. */
export interface DialledUplink {
  readonly uplink: Uplink;
  readonly welcomes: Welcome[];
  readonly refusals: ErrorBody[];
  lost: number;
}

/** A connection without an uplink's manners. */
export interface RawPeer {
  readonly routingId: Uint8Array;
  readonly got: Envelope[];
  isClosed: boolean;
  say(bytes: Uint8Array): Promise<void>;
  /** Sends one message, under this session. */
  sayMessage(
    message: Partial<Envelope> & { readonly kind: string },
    session?: string,
  ): Promise<void>;
  /** Says hello as `name`, with whatever the test changes. */
  sayHello(
    name: string,
    keys: KeyPair,
    changes?: { readonly proofOver?: Uint8Array; readonly incarnation?: number },
  ): Promise<void>;
  close(): void;
}

export const mesh = MeshId.parse('00112233445566778899aabbccddeeff');
const never = new AbortController().signal;

/** Starts a hub on one transport; uplinks dial over the other, which may be the same. */
export async function createLinkWorld(
  transports: { readonly hub: Transport; readonly peer: Transport },
  config: Partial<HubConfig> = {},
): Promise<LinkWorld> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const keys = mintKeyPair();
  const { counts, metrics } = createCounts();
  const admitted = new Map<PublicKey, NodeName>();
  const named = new Map<string, KeyPair>();
  const bound: Peer[] = [];
  const closed: Peer[] = [];
  const uplinks: Uplink[] = [];
  const sockets: DealerSocket[] = [];

  const hub = createHub(
    {
      transport: transports.hub,
      clock,
      random,
      logger,
      metrics,
      events: {
        onHello: (peer) => world.judge(peer),
        onBound: (peer) => bound.push(peer),
        onClosed: (peer) => closed.push(peer),
      },
    },
    { hosts: ['127.0.0.1'], port: 0, keys, term: 1, ...config },
  );
  await hub.start(never);

  const world: LinkWorld = {
    keys,
    hub,
    address: `127.0.0.1:${hub.port}`,
    counts,
    bound,
    closed,
    judge: () => ({ accept: true, welcome: { mesh, term: 1, calledDead: false } }),
    async enrol(name) {
      const pair = named.get(name) ?? mintKeyPair();
      named.set(name, pair);
      admitted.set(PublicKey.parse(pair.publicKey), NodeName.parse(name));
      await hub.admit(admitted);
      return pair;
    },
    async revoke(name) {
      for (const [key, owner] of admitted) if (owner === name) admitted.delete(key);
      await hub.admit(admitted);
    },
    async dial(name, { wait = true, handle, ...options } = {}) {
      const dialled = { welcomes: [] as Welcome[], refusals: [] as ErrorBody[], lost: 0 };
      const uplink = createUplink(
        {
          transport: transports.peer,
          clock,
          random,
          logger,
          metrics,
          events: {
            onWelcome: (welcome) => dialled.welcomes.push(welcome),
            onRefused: (error) => dialled.refusals.push(error),
            onLost: () => (dialled.lost += 1),
          },
        },
        {
          addresses: [world.address],
          keys: options.keys ?? (await world.enrol(name)),
          serverKey: keys.publicKey,
          node: NodeName.parse(name),
          role: 'node',
          incarnation: 1,
          release: '0.0.0',
          about: () => ({}),
          ...options,
        },
      );
      uplinks.push(uplink);
      handle?.(uplink);
      await uplink.start(never);
      if (wait) await until(`${name} is bound`, () => uplink.isBound);
      return Object.assign(dialled, { uplink });
    },
    async knock(as, id = `raw-${random.next()}`) {
      const got: Envelope[] = [];
      let isOpen = false;
      const routingId = new TextEncoder().encode(id);
      const socket = transports.peer.dial({
        endpoint: `tcp://${world.address}`,
        keys: as,
        serverKey: keys.publicKey,
        routingId,
        maxMessageBytes: 2_000_000,
        onOpen: () => (isOpen = true),
        onFrames(frames) {
          for (const message of decodeBatch(new TextDecoder().decode(frames[0]))?.messages ?? []) {
            const envelope = decodeMessage(message);
            if (envelope !== undefined) got.push(envelope);
          }
        },
        onClosed: () => (raw.isClosed = true),
      });
      sockets.push(socket);
      const raw = createRawPeer(socket, routingId, got, keys.publicKey);
      await until('the bare connection opens', () => isOpen);
      return raw;
    },
    async end() {
      for (const socket of sockets) socket.close();
      await Promise.all(uplinks.map((uplink) => uplink.stop(AbortSignal.timeout(500))));
      await hub.stop(AbortSignal.timeout(500));
    },
  };
  return world;
}

function createRawPeer(
  socket: DealerSocket,
  routingId: Uint8Array,
  got: Envelope[],
  serverKey: string,
): RawPeer {
  const raw: RawPeer = {
    routingId,
    got,
    isClosed: false,
    say: async (bytes) => void (await socket.send(bytes)),
    async sayMessage({ body, ...message }, session) {
      const head = {
        v: protocolRange.max,
        to: 'hub',
        term: 0,
        session,
        sentAtMs: Math.round(performance.now()),
      };
      const text = encodeMessage({
        id: `m${Math.random()}`,
        ...message,
        bodyJson: JSON.stringify(body ?? {}),
      });
      await raw.say(new TextEncoder().encode(encodeBatch(head, [text])));
    },
    async sayHello(name, keys, { proofOver = routingId, incarnation = 1 } = {}) {
      const { publicKey } = keys;
      const role = 'node';
      const claim = {
        routingId: Buffer.from(proofOver).toString('hex'),
        node: name,
        role,
        incarnation,
        publicKey,
        serverKey,
      };
      const proof = proveHello(keys.secretKey, claim);
      const body = {
        node: name,
        role,
        incarnation,
        publicKey,
        proof,
        protocol: protocolRange,
        release: '0',
        about: {},
      };
      await raw.sayMessage({ id: 'hello-1', kind: Hello.kind, body });
    },
    close: () => socket.close(),
  };
  return raw;
}

function createCounts(): { counts: WireCounts; metrics: WireMetrics } {
  const counts: WireCounts = {};
  const add = (name: string, by = 1): void => {
    counts[name] = (counts[name] ?? 0) + by;
  };
  const metrics: WireMetrics = {
    dropped: (reason, by) => add(`dropped ${reason}`, by),
    hello: (outcome) => add(`hello ${outcome}`),
    received: (messages) => add('received', messages),
    sent(messages) {
      add('sent', messages);
      add('frames');
    },
    request: (outcome) => add(`request ${outcome}`),
    ended: (how) => add(`ended ${how}`),
    rebound: () => add('rebound'),
  };
  return { counts, metrics };
}
