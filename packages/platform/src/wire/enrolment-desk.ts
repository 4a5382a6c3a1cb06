import {
  Enrol,
  MeshError,
  WireError,
  toMeshError,
  type Clock,
  type Component,
  type EnrolAnswer,
  type EnrolAsk,
  type KeyPair,
  type Logger,
  type Random,
  type Transport,
} from '@meshwork/shared';
import { encodeGreeting, readBatch, readGreeting } from './frames.ts';
import { createHubPort, type HubPort } from './hub-port.ts';
import { createBoundedMap } from './bounded-map.ts';
import { checkHello, enrolClaim } from './keys.ts';
import { createLinkTime } from './link-time.ts';
import { createIdMint } from './mint-id.ts';
import { createTokenBucket } from './token-bucket.ts';
import { answerKindOf } from './requests.ts';
import type { WireMetrics } from './wire-metrics.ts';

/** What an enrolment desk works with. */
export interface EnrolmentDeskDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: WireMetrics;
  readonly events: EnrolmentEvents;
}

/** Who decides about keys. */
export interface EnrolmentEvents {
  /**
   * A key that proved to be held by the asker. `remote` is the address it came from, where known. May be asked the
   * same again at any time. A thrown error is answered as a refusal.
   */
  onRequest(ask: EnrolAsk, remote: string | undefined): EnrolAnswer | Promise<EnrolAnswer>;
}

/** The port at which keys ask to be let in; open only while somebody may join. */
export interface EnrolmentDesk extends Component {
  /** Binds these hosts, or those of them not bound yet. Rejects with `MESH_PORT_TAKEN`. */
  open(hosts: readonly string[]): Promise<void>;
  /** Frees the port and ends every connection to it. */
  close(): Promise<void>;
  readonly isOpen: boolean;
  /** Port in use while open; before that the one asked for. */
  readonly port: number;
}

/** A request is a name, a key and a few facts. */
const MAX_FRAME_BYTES = 16_384;
const REQUESTS_PER_SECOND = 50;
const MAX_UNDER_WAY = 32;
const CLOSE_LINGER_MS = 200;
/** After this long a port that we closed is ours no more. */
const LET_GO_MS = 2_000;
/** Remote addresses remembered between a handshake and the request that follows it. */
const MAX_REMOTES = 1_024;

/** An enrolment desk, closed. Everybody may connect; what they may say is small, rare and bounded. */
export function createEnrolmentDesk(
  deps: EnrolmentDeskDeps,
  config: { readonly port: number; readonly keys: KeyPair },
): EnrolmentDesk {
  const { clock, logger, metrics } = deps;
  const bootMs = createLinkTime(clock);
  const mintId = createIdMint(deps.random);
  const rate = createTokenBucket({ perSecond: REQUESTS_PER_SECOND, nowMs: clock.monotonic() });
  const remotes = createBoundedMap<string, string>(MAX_REMOTES);
  const underWay = new Set<string>();
  let port: HubPort | undefined;
  let portNumber = config.port;
  let closedAtMs = Number.NEGATIVE_INFINITY;

  function onFrames(from: Uint8Array, frames: readonly Uint8Array[]): void {
    const batch = readBatch(frames);
    const message = batch && readGreeting(batch, Enrol.kind);
    const ask = Enrol.body.safeParse(message?.body);
    if (message === undefined || !ask.success) return metrics.dropped('malformed');
    const say = (kind: string, body: unknown): void => {
      const head = { to: '', term: 0, sentAtMs: bootMs() };
      const answer = encodeGreeting(head, { id: mintId(), kind, correlationId: message.id, body });
      void port?.send(from, answer);
    };
    const { publicKey } = ask.data;
    if (underWay.has(publicKey)) return metrics.dropped('duplicate');
    if (underWay.size >= MAX_UNDER_WAY || !rate.take(clock.monotonic())) {
      metrics.dropped('full');
      const busy = new MeshError(
        'MESH_BUSY',
        'too many keys ask to join at once; try again in a second',
      );
      return say(WireError.kind, busy.toBody());
    }
    const claim = enrolClaim(from, ask.data.node, publicKey, config.keys.publicKey);
    if (!checkHello(config.keys.secretKey, claim, ask.data.proof)) {
      metrics.hello('badProof');
      const error = new MeshError('MESH_JOIN_REFUSED', 'the proof of the key does not hold');
      return say(WireError.kind, error.toBody());
    }
    underWay.add(publicKey);
    void decide(ask.data).then((answer) => {
      underWay.delete(publicKey);
      say(answerKindOf(Enrol), answer);
    });
  }

  async function decide(ask: EnrolAsk): Promise<EnrolAnswer> {
    try {
      return await deps.events.onRequest(ask, remotes.get(ask.publicKey));
    } catch (error) {
      const { code, message } = toMeshError(error);
      logger.warn({ node: ask.node, code, reason: message }, 'a key was not let in');
      return { status: 'refused', addresses: [], code, message };
    }
  }

  async function close(): Promise<void> {
    if (port === undefined) return;
    port.close({ lingerMs: CLOSE_LINGER_MS });
    port = undefined;
    closedAtMs = clock.monotonic();
  }

  return {
    name: 'enrolment',
    async start() {},
    stop: close,
    async open(hosts) {
      if (port !== undefined) return port.listen(hosts);
      const opening = createHubPort(deps, {
        keys: config.keys,
        domain: 'enrol',
        admits(publicKey, remote) {
          remotes.set(publicKey, remote);
          return true;
        },
        maxMessageBytes: MAX_FRAME_BYTES,
        onFrames,
      });
      await opening.open(hosts, portNumber, {
        wasOurs: clock.monotonic() - closedAtMs < LET_GO_MS,
      });
      port = opening;
      portNumber = opening.port;
    },
    close,
    get isOpen() {
      return port !== undefined;
    },
    get port() {
      return portNumber;
    },
  };
}
