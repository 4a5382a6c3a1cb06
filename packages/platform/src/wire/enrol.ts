import {
  Enrol,
  WireError,
  decodeMessage,
  fromErrorBody,
  type Clock,
  type CloseReason,
  type EnrolAnswer,
  type EnrolAsk,
  type KeyPair,
  type Random,
  type Transport,
} from '@meshwork/shared';
import { encodeGreeting, maxFrameBytes, readBatch } from './frames.ts';
import { enrolClaim, proveHello } from './keys.ts';
import { createIdMint, mintRoutingId } from './mint-id.ts';
import { answerKindOf } from './requests.ts';

/** Who asks to be let in, where, and with what. */
export interface EnrolOptions {
  /** `HOST:PORT`, tried in turn. */
  readonly addresses: readonly string[];
  /** Whoever does not hold its secret is not talked to. */
  readonly serverKey: string;
  readonly keys: KeyPair;
  readonly node: EnrolAsk['node'];
  readonly token?: { readonly id: string; readonly secret: string };
  readonly release: string;
  readonly facts: Readonly<Record<string, string>>;
  /** For each address. Default 6 s. */
  readonly timeoutMs?: number;
}

/** Why an address did not answer. */
export type EnrolFailure = CloseReason | 'noAnswer' | 'garbled';

/** The answer of the first address that gave one, or why each did not. */
export type EnrolOutcome =
  | { readonly status: 'answered'; readonly address: string; readonly answer: EnrolAnswer }
  | {
      readonly status: 'failed';
      readonly attempts: readonly {
        readonly address: string;
        readonly reason: EnrolFailure;
        /** A sentence for people, with what to do. */
        readonly message: string;
      }[];
    };

const ANSWER_WITHIN_MS = 6_000;

/**
 * Asks a mesh to let this key in, at each address until one answers. An answer is final: only the holder of
 * `serverKey` can have given it. Repeating is harmless. Rejects only when the signal aborts.
 */
export async function enrol(
  deps: { readonly transport: Transport; readonly clock: Clock; readonly random: Random },
  options: EnrolOptions,
  signal: AbortSignal,
): Promise<EnrolOutcome> {
  const attempts: { address: string; reason: EnrolFailure; message: string }[] = [];
  for (const address of options.addresses) {
    signal.throwIfAborted();
    const result = await ask(deps, address, options, signal);
    if (typeof result === 'object') return { status: 'answered', address, answer: result };
    attempts.push({ address, reason: result, message: explain(address, result) });
  }
  return { status: 'failed', attempts };
}

async function ask(
  deps: { readonly transport: Transport; readonly clock: Clock; readonly random: Random },
  address: string,
  options: EnrolOptions,
  signal: AbortSignal,
): Promise<EnrolAnswer | EnrolFailure> {
  const { keys, serverKey, node, token, release, facts } = options;
  const { promise, resolve } = Promise.withResolvers<EnrolAnswer | EnrolFailure>();
  const routingId = mintRoutingId(deps.random);
  const id = createIdMint(deps.random)();
  const body: EnrolAsk = {
    node,
    publicKey: keys.publicKey as EnrolAsk['publicKey'],
    proof: proveHello(keys.secretKey, enrolClaim(routingId, node, keys.publicKey, serverKey)),
    ...(token && { token }),
    release,
    facts,
  };
  const socket = deps.transport.dial({
    endpoint: `tcp://${address}`,
    keys,
    serverKey,
    routingId,
    maxMessageBytes: maxFrameBytes,
    onOpen() {
      const head = { to: 'hub', term: 0, sentAtMs: deps.clock.boot() };
      void socket.send(encodeGreeting(head, { id, kind: Enrol.kind, body }));
    },
    onFrames: (frames) => resolve(readAnswer(frames, id)),
    onClosed: resolve,
  });
  const waiting = new AbortController();
  try {
    const limit = AbortSignal.any([signal, waiting.signal]);
    const timeout = deps.clock
      .sleep(options.timeoutMs ?? ANSWER_WITHIN_MS, limit)
      .then((): EnrolFailure => 'noAnswer');
    return await Promise.race([promise, timeout]);
  } finally {
    waiting.abort();
    socket.close();
  }
}

function readAnswer(frames: readonly Uint8Array[], id: string): EnrolAnswer | 'garbled' {
  const message = decodeMessage(readBatch(frames)?.messages[0]);
  if (message?.correlationId !== id) return 'garbled';
  if (message.kind === WireError.kind) {
    const error = WireError.body.safeParse(message.body);
    if (!error.success) return 'garbled';
    const { code, message: text } = fromErrorBody(error.data);
    return { status: 'refused', addresses: [], code, message: text };
  }
  const answer = Enrol.answer.safeParse(message.body);
  return message.kind === answerKindOf(Enrol) && answer.success ? answer.data : 'garbled';
}

/** The line that opens the ports of a mesh where a firewall stands, on the machine of the main node. */
export const firewallLine =
  'sudo ufw allow 5550:5551/tcp   (or: sudo firewall-cmd --permanent --add-port=5550-5551/tcp && sudo firewall-cmd --reload)';

function explain(address: string, reason: EnrolFailure): string {
  switch (reason) {
    case 'refused':
      return `${address}: the port is closed. Nobody can join now, or a firewall rejects it. On the Main PC: \`mesh node invite\`, and if it has a firewall: ${firewallLine}`;
    case 'timeout':
    case 'noAnswer':
      return `${address}: no answer. Another network, or a firewall drops it. On the Main PC: ${firewallLine}`;
    case 'unresolved':
      return `${address}: this name is not known here.`;
    case 'invalid':
      return `${address}: this is no address (HOST:PORT).`;
    case 'auth':
    case 'handshake':
    case 'closed':
    case 'garbled':
      return `${address}: something answers there, but it is not the main node of this token (another server key, or not Meshwork).`;
    default:
      return reason satisfies never;
  }
}
